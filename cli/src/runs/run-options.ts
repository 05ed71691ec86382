import type { RunRequest } from '@atrium/contract/runs-api.ts'
import { type Command, InvalidArgumentError, Option } from 'commander'

import { collect } from '#commands/options.ts'
import { CliError, exitCodes } from '#output.ts'

/** Options of a run as they were given. */
export interface RunOptions {
  tasks?: number
  nodes?: number
  cpu?: number
  memory?: number
  gpu?: number
  profile?: string
  account?: string
  name?: string
  env?: string[]
  chdir?: string
  array?: string
  time?: number
  mpi?: NonNullable<RunRequest['mpi']>
  retries?: number
  prefix?: string
}

/** Adds what a run can be asked for; `python -m atrium_client run` has the same. */
export function withRunOptions(command: Command): Command {
  return command
    .option('-n, --tasks <count>', 'run so many of it, which talk by MPI', parseCount)
    .option('-N, --nodes <count>', 'spread the tasks over so many nodes', parseCount)
    .option('--cpu <cores>', 'cores of each task', parseAmount)
    .option('--memory <size>', 'memory of each task: 4G, 512M', parseSize)
    .option('--gpu <count>', 'GPUs of each task', parseCountOrNone)
    .option('--profile <name>', 'what is not said here is as in this profile')
    .option('--account <name>', "the scheduler's account that is charged")
    .option('--name <text>', 'what people know it by; default: the program')
    .option('--env <name=value>', 'a variable; repeatable; without a value: as it is here', collect)
    .option('--chdir <folder>', 'where it runs: absolute, or below the home; default: the home')
    .option('--array <numbers>', 'one job for each number: 1-100, 0,2,4-10:2; it is in ATRIUM_ARRAY_INDEX')
    .option('--time <length>', 'it is ended after so long: 90s, 30m, 2h, 1d, 2:00:00', parseLength)
    .addOption(
      new Option(
        '--mpi <kind>',
        'how the tasks find each other; default: as the environment is made',
      ).choices(['auto', 'openmpi', 'mpich', 'none'] satisfies RunRequest['mpi'][]),
    )
    .option('--retries <count>', 'run a job again so often after it failed', parseCountOrNone)
    .option('--prefix <folder>', 'prefix of the Python environment; default: the platform’s')
}

/** What is asked of the platform. `variables`: of this process. */
export function buildRunRequest(
  command: readonly string[],
  options: RunOptions,
  variables: NodeJS.ProcessEnv,
): RunRequest {
  const { env, memory, chdir, time, array, ...same } = options
  return {
    command: [...command],
    ...pick(same, ['tasks', 'nodes', 'cpu', 'gpu', 'profile', 'account', 'name', 'mpi', 'retries', 'prefix']),
    ...(memory === undefined ? {} : { memoryBytes: memory }),
    ...(chdir === undefined ? {} : { workingDirectory: chdir }),
    ...(time === undefined ? {} : { timeLimitMs: time }),
    ...(array === undefined ? {} : { array }),
    ...(env === undefined ? {} : { environment: buildVariables(env, variables) }),
  }
}

function pick<T extends object, Key extends keyof T>(from: T, keys: readonly Key[]): Pick<T, Key> {
  return Object.fromEntries(
    keys.flatMap((key) => (from[key] === undefined ? [] : [[key, from[key]]])),
  ) as Pick<T, Key>
}

function buildVariables(given: readonly string[], variables: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    given.map((text) => {
      const split = text.indexOf('=')
      if (split >= 0) return [text.slice(0, split), text.slice(split + 1)]
      const value = variables[text]
      if (value !== undefined) return [text, value]
      throw new CliError(`--env ${text}: there is no such variable here.`, {
        hint: `Give it a value: --env ${text}=…`,
        exitCode: exitCodes.wrongUsage,
      })
    }),
  )
}

export function parseCount(text: string): number {
  const count = parseCountOrNone(text)
  if (count === 0) throw new InvalidArgumentError('a whole number from 1 on')
  return count
}

function parseCountOrNone(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('a whole number')
  return Number(text)
}

function parseAmount(text: string): number {
  const amount = Number(text)
  if (!(amount > 0)) throw new InvalidArgumentError('a number above 0')
  return amount
}

const unitBytes: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 }

/** `4G` → 4294967296, as the configuration writes sizes; `4GiB` and `4g` mean the same. */
export function parseSize(text: string): number {
  const [, amount = '', unit = ''] = /^(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?$/i.exec(text) ?? []
  const bytes = Math.round(Number(amount) * (unitBytes[unit.toUpperCase()] ?? Number.NaN))
  if (amount === '' || !(bytes > 0)) throw new InvalidArgumentError('a size: 512M, 4G')
  return bytes
}

const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `2h`, `1h30m`, or as Slurm writes it: `[days-]hours:minutes[:seconds]`. In milliseconds. */
export function parseLength(text: string): number {
  const parts = [...text.matchAll(/(\d+)([smhd])/g)]
  if (parts.length > 0 && parts.map(([part]) => part).join('') === text) {
    return parts.reduce((sum, [, amount, unit = '']) => sum + Number(amount) * (unitMs[unit] ?? 0), 0)
  }
  const [matched, days = '0', hours, minutes, seconds = '0'] =
    /^(?:(\d+)-)?(\d+):(\d{1,2})(?::(\d{1,2}))?$/.exec(text) ?? []
  if (matched === undefined) throw new InvalidArgumentError('a length of time: 90s, 30m, 2h, 1d, 2:00:00')
  return ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60_000 + Number(seconds) * 1000
}
