import type { RunDetail, RunJob } from '@atrium/contract/runs-api.ts'
import { useState } from 'react'

import { endpoints } from '#api/endpoints.ts'
import { useLogStream } from '#api/log-stream.ts'
import { Card } from '#ui/card.tsx'
import { InlineSelect } from '#ui/inline-select.tsx'
import { LogView } from '#ui/log-view.tsx'

interface RunLogProps {
  run: RunDetail
  /** Whose output is shown; undefined: its record is not there yet, or gone. */
  job: RunJob | undefined
}

/** What a job of a run prints, as it comes; of each of its tries. */
export function RunLog({ run, job }: RunLogProps) {
  const tries = Math.max(1, job?.try ?? 1)
  const [chosen, setChosen] = useState<number>()
  const shown = chosen ?? tries
  const log = useLogStream(
    endpoints.runLog(run.id, {
      ...(job?.index !== undefined && { index: job.index }),
      ...(tries > 1 && { try: shown }),
    }),
  )
  const title = job?.index === undefined ? 'Log' : `Log of number ${job.index}`
  return (
    <Card
      title={title}
      actions={
        tries > 1 && (
          <InlineSelect
            label="Try"
            value={String(shown)}
            options={Array.from({ length: tries }, (_, index) => ({
              value: String(index + 1),
              label: index + 1 === tries ? `Try ${tries}, the last` : `Try ${index + 1}`,
            }))}
            onChange={(value) => setChosen(Number(value))}
          />
        )
      }
    >
      <LogView label={title} text={log.text} placeholder={log.error ?? 'It has written nothing yet.'} />
    </Card>
  )
}
