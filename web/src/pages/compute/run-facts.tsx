import type { RunDetail } from '@atrium/contract/runs-api.ts'
import { Link } from 'react-router'

import { paths } from '#paths.ts'
import type { Fact } from '#ui/facts.tsx'
import { RelativeTime } from '#ui/time.tsx'

import { ResultLink } from './result-link.tsx'
import { describeExit, describeShape, RunJobs, RunTime } from './run-words.tsx'

/** What is worth knowing of a run besides its state and output. */
export function listRunFacts(run: RunDetail): Fact[] {
  const { schedule, startedAtMs, endedAtMs, estimatedStartAtMs, jobs, array } = run
  const [job] = run.jobList
  return [
    { label: 'Jobs', value: jobs.total > 1 ? <RunJobs jobs={jobs} /> : undefined },
    { label: 'Exit status', value: describeExit(run) },
    { label: 'Shape', value: describeShape(run) },
    { label: 'Numbers', value: array && <code>{array}</code> },
    { label: 'Place in line', value: run.place },
    {
      label: 'Starts, as far as known',
      value: estimatedStartAtMs && <RelativeTime atMs={estimatedStartAtMs} />,
    },
    { label: 'Node', value: array === undefined ? job?.node : undefined },
    { label: 'Asked for', value: <RelativeTime atMs={run.createdAtMs} /> },
    { label: 'Started', value: startedAtMs && <RelativeTime atMs={startedAtMs} /> },
    { label: endedAtMs ? 'Took' : 'Runs for', value: startedAtMs && <RunTime run={run} /> },
    { label: 'Tries', value: job && array === undefined && job.try > 1 ? job.try : undefined },
    { label: 'Schedule', value: schedule && <Link to={paths.schedule(schedule)}>Schedule {schedule}</Link> },
    { label: 'Result', value: run.result && <ResultLink run={run} /> },
    { label: 'Profile', value: run.profile },
    { label: 'Folder', value: <code>{run.workingDirectory}</code> },
    { label: 'Environment', value: <code>{run.prefix}</code> },
    { label: 'Number', value: run.id },
  ]
}
