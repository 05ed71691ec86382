import { parseCron } from '@atrium/contract/cron.ts'
import { describeCron } from '@atrium/contract/cron-words.ts'
import type { RunDetail, ScheduleRequest, ScheduleView } from '@atrium/contract/runs-api.ts'
import { type Command, InvalidArgumentError } from 'commander'

import { type ConnectionOptions, connect } from '#client.ts'
import { CliError, type Column, exitCodes, formatTime, print, renderTable } from '#output.ts'
import { buildRunRequest, parseCount, type RunOptions, withRunOptions } from '#runs/run-options.ts'
import { connectAsUser } from '#runs/run-user.ts'
import { collect, segment, withConnection } from './options.ts'
import { watchRun } from './run.ts'

const columns: readonly Column<ScheduleView>[] = [
  { heading: 'ID', cell: ({ id }) => String(id) },
  { heading: 'NAME', cell: ({ name }) => name },
  { heading: 'USER', cell: ({ user }) => user },
  {
    heading: 'WHEN',
    cell: ({ cron, timezone }) => `${describeCron(parseCron(cron))} (${timezone ?? 'UTC'})`,
  },
  { heading: 'NEXT', cell: ({ nextAtMs }) => (nextAtMs === undefined ? 'off' : formatTime(nextAtMs)) },
  {
    heading: 'LAST',
    cell: ({ lastRun }) => (lastRun === undefined ? '' : `run ${lastRun.id} ${lastRun.state}`),
  },
  { heading: 'MESSAGE', cell: ({ lastMessage, lastRun }) => lastMessage ?? lastRun?.message ?? '' },
]

interface AddOptions extends ConnectionOptions, RunOptions {
  user?: string
  cron: string
  timezone?: string
  notebook?: string
  parameter?: string[]
  output?: string
  keep?: number
  overlap?: boolean
}

const help = `
  atrium schedules add --name nightly --cron '0 3 * * *' --timezone Europe/Berlin -- python clean.py
  atrium schedules add --name daily --cron '@daily' --notebook reports/daily.ipynb --parameter region=north

A notebook's results stand in runs/NAME below the home. A parameter is JSON where it can be read as that, else text.`

/** `schedules`: commands and notebooks by the clock. */
export function addScheduleCommands(program: Command): void {
  const schedules = program.command('schedules').description('run commands and notebooks by the clock')
  withConnection(schedules.command('list', { isDefault: true }))
    .description('list them, with when they run next')
    .option('--user <name>', 'whose; default: the own ones, or everybody’s for administrators')
    .action(listSchedules)
  withRunOptions(withConnection(schedules.command('add')))
    .description('run a command or a notebook by the clock')
    .argument('[command...]', 'the program and its arguments')
    .requiredOption('--cron <line>', "five fields of crontab(5), or @daily and the like: '0 6 * * 1-5'")
    .option('--timezone <name>', 'by whose clock: Europe/Berlin; default: UTC')
    .option('--notebook <path>', 'a notebook instead of a command: absolute, or below the home')
    .option('--parameter <name=value>', 'for the notebook; repeatable', collect)
    .option('--output <folder>', "where the notebook's results go; default: runs/NAME")
    .option('--keep <count>', 'so many results are kept; default: 30', parseCount)
    .option('--overlap', 'begin although the last one has not ended')
    .option('--user <name>', 'as this user; for administrators')
    .passThroughOptions()
    .addHelpText('after', help)
    .action(addSchedule)
  withConnection(schedules.command('run'))
    .description('run one now, and follow it')
    .argument('<id>', 'number of the schedule', parseId)
    .option('--detach', 'print the number of the run and leave it running')
    .action(runNow)
  for (const [verb, enabled] of [
    ['enable', true],
    ['disable', false],
  ] as const) {
    withConnection(schedules.command(verb))
      .description(enabled ? 'let it run by itself again' : 'keep it, but let it not run by itself')
      .argument('<id>', 'number of the schedule', parseId)
      .action(async (id: number, options: ConnectionOptions) => {
        const view = await (await connect(options)).call<ScheduleView>('PATCH', pathOf(id), { enabled })
        print(view, options, (schedule) => renderTable([schedule], columns, ''))
      })
  }
  withConnection(schedules.command('remove'))
    .description('remove one; what it has started goes on')
    .argument('<id>', 'number of the schedule', parseId)
    .action(async (id: number, options: ConnectionOptions) => {
      await (await connect(options)).call('DELETE', pathOf(id))
      print({ removed: id }, options, () => `Removed schedule ${id}.`)
    })
}

async function listSchedules(options: ConnectionOptions & { user?: string }): Promise<void> {
  const client = await connect(options)
  const query = options.user === undefined ? '' : `?user=${segment(options.user)}`
  const { schedules } = await client.call<{ schedules: ScheduleView[] }>('GET', `/api/v1/schedules${query}`)
  print(schedules, options, (rows) => renderTable(rows, columns, 'Nothing runs by the clock.'))
}

async function addSchedule(command: string[], options: AddOptions): Promise<void> {
  const { client, close } = await connectAsUser(await connect(options), options.user, true)
  try {
    const view = await client.call<ScheduleView>('POST', '/api/v1/schedules', buildRequest(command, options))
    print(view, options, (schedule) => renderTable([schedule], columns, ''))
  } finally {
    await close()
  }
}

function buildRequest(command: string[], options: AddOptions): ScheduleRequest {
  const { name, notebook } = options
  const title =
    name ??
    notebook
      ?.split('/')
      .at(-1)
      ?.replace(/\.ipynb$/, '') ??
    command[0]
  if (title === undefined || (notebook === undefined) === (command.length === 0)) {
    throw new CliError('Either a command or --notebook is needed.', { exitCode: exitCodes.wrongUsage })
  }
  const { command: _, name: __, ...run } = buildRunRequest(command, options, process.env)
  return {
    name: title,
    cron: options.cron,
    run: { ...run, ...(notebook === undefined ? { command } : {}) },
    ...(options.timezone === undefined ? {} : { timezone: options.timezone }),
    ...(options.keep === undefined ? {} : { keep: options.keep }),
    ...(options.overlap ? { overlap: 'allow' } : {}),
    ...(notebook === undefined ? {} : { notebook: buildNotebook(notebook, options) }),
  }
}

function buildNotebook(
  path: string,
  { parameter = [], output }: AddOptions,
): NonNullable<ScheduleRequest['notebook']> {
  const parameters = parameter.map((text): [string, unknown] => {
    const split = text.indexOf('=')
    if (split < 1) {
      throw new CliError(`--parameter ${text}: it looks like NAME=VALUE.`, { exitCode: exitCodes.wrongUsage })
    }
    return [text.slice(0, split), readValue(text.slice(split + 1))]
  })
  return {
    path,
    ...(parameters.length === 0 ? {} : { parameters: Object.fromEntries(parameters) }),
    ...(output === undefined ? {} : { output }),
  }
}

function readValue(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

async function runNow(id: number, options: ConnectionOptions & { detach?: boolean }): Promise<void> {
  const client = await connect(options)
  const run = await client.call<RunDetail>('POST', `${pathOf(id)}/run`)
  if (options.detach) print(run, options, (view) => String(view.id))
  else await watchRun(client, run, options)
}

function pathOf(id: number): string {
  return `/api/v1/schedules/${id}`
}

function parseId(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('a number, as `atrium schedules` shows it')
  return Number(text)
}
