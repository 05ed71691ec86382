import type { ClusterDetail } from '@atrium/contract/clusters-api.ts'

import { endpoints } from '#api/endpoints.ts'
import { useLogStream } from '#api/log-stream.ts'
import { Card } from '#ui/card.tsx'
import { InlineSelect } from '#ui/inline-select.tsx'
import { LogView } from '#ui/log-view.tsx'

interface ClusterLogProps {
  cluster: ClusterDetail
  /** Name of the worker whose output is shown; empty: the scheduler's. */
  worker: string
  onChoose: (worker: string) => void
}

/** What the scheduler or one worker prints, as it comes. */
export function ClusterLog({ cluster: { name, workerList }, worker, onChoose }: ClusterLogProps) {
  const log = useLogStream(endpoints.clusterLog(name, worker))
  return (
    <Card
      title="Log"
      actions={
        <InlineSelect
          label="Log of"
          value={worker}
          options={[
            { value: '', label: 'Scheduler' },
            ...workerList.map(({ name }) => ({ value: name, label: name })),
          ]}
          onChange={onChoose}
        />
      }
    >
      <LogView
        label={`Log of ${worker || 'the scheduler'}`}
        text={log.text}
        placeholder={log.error ?? 'It has written nothing yet.'}
      />
    </Card>
  )
}
