import type { RunDetail } from '@atrium/contract/runs-api.ts'
import type { Command } from 'commander'

import { type Client, type ConnectionOptions, connect } from '#client.ts'
import { print, printable, writeAll } from '#output.ts'
import { describeEnd, findExitStatus, followRun } from '#runs/follow-run.ts'
import { cancelOnSignals } from '#runs/interrupts.ts'
import { buildRunRequest, type RunOptions, withRunOptions } from '#runs/run-options.ts'
import { connectAsUser } from '#runs/run-user.ts'
import { withConnection } from './options.ts'

const help = `
Its output is passed on as it comes, its exit status is the command's: 128 and the signal where one ended it. Ctrl-C cancels it; a second
one leaves at once. When the terminal goes it runs on: see \`atrium jobs\`.

  atrium run -- python train.py
  atrium run -n 8 --nodes 2 -- python solver.py       eight tasks that talk by MPI
  atrium run --array 1-100 -- python part.py          a hundred jobs
  atrium run --gpu 1 --time 2h --detach -- ./job.sh   prints its number and leaves`

/** `run`: a program as a job. */
export function addRunCommand(program: Command): void {
  withRunOptions(withConnection(program.command('run')))
    .description('run a program as a job, with several tasks, or as an array of jobs')
    .argument('<command...>', 'the program and its arguments')
    .option('--user <name>', 'as this user; for administrators')
    .option('--detach', 'print its number and leave it running')
    .passThroughOptions()
    .addHelpText('after', help)
    .action(runCommand)
}

type Options = ConnectionOptions & RunOptions & { user?: string; detach?: boolean }

async function runCommand(command: string[], options: Options): Promise<void> {
  const { client, close } = await connectAsUser(await connect(options), options.user, options.detach === true)
  try {
    const request = buildRunRequest(command, options, process.env)
    const run = await client.call<RunDetail>('POST', '/api/v1/runs', request)
    if (options.detach) print(run, options, ({ id }) => String(id))
    else await watchRun(client, run, options)
  } finally {
    await close()
  }
}

/** Follows a run as if it ran here: output, interrupts, exit status. */
export async function watchRun(
  client: Client,
  run: RunDetail,
  { json = false }: ConnectionOptions,
): Promise<void> {
  const notify = (message: string) => console.error(printable(`atrium: ${message}`))
  const interrupts = cancelOnSignals(notify, run.id, () => client.call('DELETE', `/api/v1/runs/${run.id}`))
  const output = json ? process.stderr : process.stdout
  try {
    const { signal } = interrupts
    const ended = await followRun({ client, signal, notify, write: (bytes) => writeAll(output, bytes) }, run)
    if (json) print(ended, { json }, String)
    else if (ended.state !== 'succeeded') notify(`Run ${ended.id}: ${describeEnd(ended)}`)
    process.exitCode = findExitStatus(ended)
  } finally {
    interrupts.close()
  }
}
