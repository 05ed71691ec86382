import { formatCommand } from '@atrium/contract/command-line.ts'
import type { ScheduleView } from '@atrium/contract/runs-api.ts'
import { useState } from 'react'
import { ChoiceCards } from '#ui/choice-cards.tsx'
import { TextArea, TextField } from '#ui/field.tsx'

import { formatParameters, type ScheduleProblem } from './read-schedule.ts'

const kinds = [
  {
    value: 'notebook',
    title: 'A notebook',
    description: 'Runs from top to bottom; the result is a notebook with all output.',
    facts: [],
  },
  { value: 'command', title: 'A command', description: 'A program with its arguments.', facts: [] },
]

interface WhatFieldsProps {
  schedule?: ScheduleView
  problem: ScheduleProblem | undefined
}

/** The notebook with its parameters, or the command. A schedule stays what it was made for. */
export function WhatFields({ schedule, problem }: WhatFieldsProps) {
  const [kind, setKind] = useState(schedule && !schedule.notebook ? 'command' : 'notebook')
  const errorOf = (field: string) => (problem?.field === field ? problem.message : undefined)
  return (
    <>
      {!schedule && <ChoiceCards legend="Run" name="kind" choices={kinds} value={kind} onChange={setKind} />}
      {kind === 'notebook' ? (
        <>
          <TextField
            label="Notebook"
            name="notebook"
            defaultValue={schedule?.notebook?.path}
            placeholder="reports/daily.ipynb"
            hint="Its path, below your home."
            autoComplete="off"
            required
          />
          <TextArea
            label="Parameters"
            name="parameters"
            rows={3}
            defaultValue={formatParameters(schedule?.notebook?.parameters ?? {})}
            placeholder={'region = "north"\ndays = 7'}
            hint="One a line, name = value, put after the notebook’s cell that is tagged “parameters”."
            error={errorOf('parameters')}
            optional
          />
          <TextField
            label="Folder of results"
            name="output"
            defaultValue={schedule?.notebook?.output}
            hint="Default: runs, and in it a folder of the schedule’s name."
            autoComplete="off"
            optional
          />
        </>
      ) : (
        <TextField
          label="Command"
          name="command"
          defaultValue={formatCommand(schedule?.run?.command ?? [])}
          placeholder="python report.py --days 7"
          hint="Arguments are parted by spaces; quotes hold them together. No shell: sh -c '…' is one."
          error={errorOf('command')}
          autoComplete="off"
          required
        />
      )}
    </>
  )
}
