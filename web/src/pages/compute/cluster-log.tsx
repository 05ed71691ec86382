import type { ClusterDetail } from '@atrium/contract/clusters-api.ts'

import { endpoints } from '#api/endpoints.ts'
import { useLogStream } from '#api/log-stream.ts'
import { Card } from '#ui/card.tsx'
import { InlineSelect } from '#ui/inline-select.tsx'
import { LogView } from '#ui/log-view.tsx'

interface ClusterLogProps {
  cluster: ClusterDetail
  /** Key of the job whose output is shown. */
  job: string
  onChoose: (job: string) => void
}

/** What the scheduler or one worker prints, as it comes. */
export function ClusterLog({ cluster: { schedulerJob, workerList }, job, onChoose }: ClusterLogProps) {
  const worker = workerList.find((each) => each.job === job)
  const log = useLogStream(endpoints.jobLog(job))
  return (
    <Card
      title="Log"
      actions={
        <InlineSelect
          label="Log of"
          value={job}
          options={[
            { value: schedulerJob, label: 'Scheduler' },
            ...workerList.map(({ name, job }) => ({ value: job, label: name })),
          ]}
          onChange={onChoose}
        />
      }
    >
      <LogView
        label={`Log of ${worker ? worker.name : 'the scheduler'}`}
        text={log.text}
        placeholder={log.error ?? 'It has written nothing yet.'}
      />
    </Card>
  )
}
