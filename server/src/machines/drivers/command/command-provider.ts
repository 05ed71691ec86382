import type { MachineOutcome, MachineOutcomes, MachineProvider } from '#machines/machine-provider.ts'
import { type ArgvResult, runArgv } from '#machines/run-argv.ts'
import { createTurns } from '#platform/turns.ts'
import { parseStarted } from './started.ts'

export interface CommandProviderConfig {
  /** Program and arguments; `{node}` in the arguments is the node's name. */
  resume: readonly string[]
  suspend: readonly string[]
  /** Prints the nodes that have a machine, one a line. */
  list?: readonly string[]
  environment: Readonly<Record<string, string>>
  timeoutMs: number
  atOnce: number
  /** Told to the programs as ATRIUM_CLUSTER. */
  cluster(): Promise<string>
}

/** Machines by programs of the site's own: one call a node, without a shell, several nodes at a time. */
export function createCommandProvider(config: CommandProviderConfig): MachineProvider {
  const forEach = (argv: readonly string[], read: (result: ArgvResult) => MachineOutcome) => {
    return async (nodes: readonly string[], { signal }: { signal: AbortSignal }) => {
      const cluster = await config.cluster()
      const turns = createTurns({ atOnce: config.atOnce, mostWaiting: Number.POSITIVE_INFINITY })
      const outcomes = await Promise.all(
        nodes.map(async (node) => {
          const outcome = await turns.take(() => runForNode(config, argv, { node, cluster, signal }, read))
          return [node, outcome ?? { ok: false, reason: 'not done' }] as const
        }),
      )
      return new Map(outcomes) satisfies MachineOutcomes
    }
  }
  return {
    start: forEach(config.resume, ({ stdout }) => parseStarted(stdout)),
    stop: forEach(config.suspend, () => ({ ok: true })),
    ...(config.list === undefined ? {} : { list: createList(config, config.list) }),
  }
}

function createList(
  config: CommandProviderConfig,
  argv: readonly string[],
): NonNullable<MachineProvider['list']> {
  return async (nodes, { signal }) => {
    const environment = { ...config.environment, ATRIUM_CLUSTER: await config.cluster() }
    const result = await runArgv(argv, { environment, timeoutMs: config.timeoutMs, signal })
    if (result.code !== 0) throw new Error(describeFailure(argv[0] ?? '', result))
    const printed = new Set(result.stdout.split('\n').map((line) => line.trim()))
    return nodes.filter((node) => printed.has(node))
  }
}

const interrupted: MachineOutcome = { ok: false, reason: 'it was interrupted' }

interface NodeCall {
  node: string
  cluster: string
  signal: AbortSignal
}

async function runForNode(
  { environment, timeoutMs }: CommandProviderConfig,
  [program = '', ...args]: readonly string[],
  { node, cluster, signal }: NodeCall,
  read: (result: ArgvResult) => MachineOutcome,
): Promise<MachineOutcome> {
  if (signal.aborted) return interrupted
  try {
    const result = await runArgv([program, ...args.map((arg) => arg.replaceAll('{node}', node))], {
      environment: { ...environment, ATRIUM_NODE: node, ATRIUM_CLUSTER: cluster },
      timeoutMs,
      signal,
    })
    if (signal.aborted && result.code === undefined) return interrupted
    if (result.timedOut) return { ok: false, reason: `${program} took longer than ${timeoutMs / 1000} s` }
    if (result.code !== 0) return { ok: false, reason: describeFailure(program, result) }
    return read(result)
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) }
  }
}

/** The program's last line of complaint is what an administrator wants to read first. */
function describeFailure(program: string, { code, stderr, stdout }: ArgvResult): string {
  const [lastLine] = (stderr.trim() || stdout.trim()).split('\n').slice(-1)
  const end = code === undefined ? 'was killed' : `ended with status ${code}`
  return lastLine === undefined || lastLine === '' ? `${program} ${end}` : `${program} ${end}: ${lastLine}`
}
