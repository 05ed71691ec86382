import type { JobView } from '@atrium/contract/jobs-api.ts'
import type { RunDetail, RunView } from '@atrium/contract/runs-api.ts'
import type { Command } from 'commander'

import { type Client, type ConnectionOptions, connect } from '#client.ts'
import { type Column, formatAgo, print, renderTable, writeAll } from '#output.ts'
import { type FollowedJob, findJob, followJob, type RunJob } from '#runs/follow-job.ts'
import { createPersistence } from '#runs/persistence.ts'
import { parseCount } from '#runs/run-options.ts'
import { segment, withConnection } from './options.ts'

const columns: readonly Column<RunView>[] = [
  { heading: 'RUN', cell: ({ id }) => String(id) },
  { heading: 'NAME', cell: ({ name }) => name },
  { heading: 'STATE', cell: ({ state }) => state },
  { heading: 'JOBS', cell: summariseJobs },
  { heading: 'EXIT', cell: ({ exitCode, exitSignal }) => exitSignal ?? String(exitCode ?? '') },
  { heading: 'CREATED', cell: ({ createdAtMs }) => formatAgo(createdAtMs) },
  { heading: 'MESSAGE', cell: ({ message }) => message ?? '' },
]

interface ListOptions extends ConnectionOptions {
  user?: string
  all?: boolean
  limit: number
}

/** `jobs`: what was run, and what became of it. */
export function addJobsCommands(program: Command): void {
  const jobs = program.command('jobs').description('see, follow and cancel what `atrium run` started')
  const which = ['<run>', "a run's number, or the key of any job"] as const
  withConnection(jobs.command('list', { isDefault: true }))
    .description('list what runs and waits, or everything')
    .option('--all', 'what has ended, too')
    .option('--user <name>', 'whose; default: the own ones, or everybody’s for administrators')
    .option('--limit <count>', 'so many at most', parseCount, 50)
    .action(listRuns)
  withConnection(jobs.command('show'))
    .description('show a run with its jobs')
    .argument(...which)
    .action(showRun)
  withConnection(jobs.command('log'))
    .description('print its output')
    .argument(...which)
    .option('--index <number>', 'of this job of an array', Number)
    .option('--try <number>', 'of this try; default: the last one', parseCount)
    .option('-f, --follow', 'go on until it ends')
    .action(printLog)
  withConnection(jobs.command('cancel'))
    .description('cancel what has not ended of it')
    .argument(...which)
    .action(cancelRun)
}

function summariseJobs({ array, jobs }: RunView): string {
  if (array === undefined) return '1'
  const { total, succeeded, failed, cancelled } = jobs
  const ended = succeeded + failed + cancelled
  return failed === 0 ? `${ended}/${total}` : `${ended}/${total}, ${failed} failed`
}

async function listRuns(options: ListOptions): Promise<void> {
  const client = await connect(options)
  const query = new URLSearchParams({
    state: options.all ? 'all' : 'active',
    limit: String(options.limit),
    ...(options.user === undefined ? {} : { user: options.user }),
  })
  const { runs } = await client.call<{ runs: RunView[] }>('GET', `/api/v1/runs?${query}`)
  const empty = options.all ? 'Nothing was run.' : 'Nothing runs or waits. What has ended: --all.'
  print(runs, options, (rows) => renderTable(rows, columns, empty))
}

const jobColumns: readonly Column<RunJob>[] = [
  { heading: 'INDEX', cell: ({ index }) => String(index ?? '') },
  { heading: 'STATE', cell: ({ state }) => state },
  { heading: 'TRY', cell: (job) => String(job.try) },
  { heading: 'NODE', cell: ({ node }) => node ?? '' },
  { heading: 'EXIT', cell: ({ exitCode, exitSignal }) => exitSignal ?? String(exitCode ?? '') },
  { heading: 'JOB', cell: ({ job }) => job },
  { heading: 'MESSAGE', cell: ({ message }) => message ?? '' },
]

async function showRun(which: string, options: ConnectionOptions): Promise<void> {
  const client = await connect(options)
  if (!isRun(which)) {
    const job = await client.call<JobView>('GET', `/api/v1/jobs/${segment(which)}`)
    print(job, options, (view) => JSON.stringify(view, undefined, 2))
    return
  }
  const run = await client.call<RunDetail>('GET', `/api/v1/runs/${which}`)
  print(run, options, (view) =>
    [
      renderTable([view], columns, ''),
      '',
      `command    ${JSON.stringify(view.command)}`,
      `folder     ${view.workingDirectory}`,
      ...(view.result === undefined ? [] : [`result     ${view.result}`]),
      '',
      renderTable(view.jobList, jobColumns, 'The records of its jobs are gone.'),
      ...(view.next === undefined ? [] : [`… and more of ${view.jobs.total} jobs: --json`]),
    ].join('\n'),
  )
}

interface LogOptions extends ConnectionOptions {
  index?: number
  try?: number
  follow?: boolean
}

async function printLog(which: string, options: LogOptions): Promise<void> {
  const client = await connect(options)
  const write = (bytes: Buffer) => writeAll(process.stdout, bytes)
  if (isRun(which) && options.follow && options.try === undefined) {
    await followFromNow(client, { run: Number(which), index: options.index }, write)
    return
  }
  const query = new URLSearchParams({
    ...(options.index === undefined ? {} : { index: String(options.index) }),
    ...(options.try === undefined ? {} : { try: String(options.try) }),
    ...(options.follow ? { follow: 'true' } : {}),
  })
  const path = isRun(which) ? `runs/${which}` : `jobs/${segment(which)}`
  for await (const bytes of await client.stream(`/api/v1/${path}/log?${query}`, 'text')) await write(bytes)
}

async function followFromNow(
  client: Client,
  job: FollowedJob,
  write: (bytes: Buffer) => Promise<void>,
): Promise<void> {
  const { signal } = new AbortController()
  const notify = (message: string) => console.error(`atrium: ${message}`)
  const persistence = createPersistence(notify, signal)
  // Says so when there is no such run or job, before anything is waited for.
  await findJob(client, job)
  await followJob({ client, persistence, signal, notify, write }, job)
}

async function cancelRun(which: string, options: ConnectionOptions): Promise<void> {
  const client = await connect(options)
  await client.call('DELETE', isRun(which) ? `/api/v1/runs/${which}` : `/api/v1/jobs/${segment(which)}`)
  print({ cancelled: which }, options, () => `Cancelling ${which}.`)
}

/** Keys of jobs begin with a word. */
function isRun(which: string): boolean {
  return /^\d+$/.test(which)
}
