import { join } from 'node:path'

import { runArgv } from './run-argv.ts'

/** What slurmctld is told of nodes. */
export interface SlurmController {
  clusterName(): Promise<string>
  setAddresses(nodes: readonly NodeAddress[]): Promise<void>
  /** Jobs on these nodes are requeued at once. When ResumeTimeout is over, Slurm runs ResumeFailProgram for the nodes. */
  setDown(nodes: readonly string[], reason: string): Promise<void>
  /** Those of the nodes that Slurm counts as switched off, or does not know. */
  listPoweredDown(nodes: readonly string[]): Promise<readonly string[]>
  /** Nodes that are down may be wanted again. */
  setAvailable(nodes: readonly string[]): Promise<void>
}

export interface NodeAddress {
  node: string
  address: string
  hostname: string
}

/** Nodes in one call: far below the longest command line, and few enough for one answer. */
const mostAtOnce = 200
const timeoutMs = 30_000
/** slurmctld takes less, and cuts in the middle of a character. */
const longestReason = 200

export interface SlurmControllerConfig {
  /** Where scontrol is. Absent: on PATH. */
  folder?: string
  /** For scontrol: SLURM_CONF and the like. */
  environment: Readonly<Record<string, string>>
}

/** Talks to slurmctld by scontrol(1), as the account that Slurm runs these programs as. */
export function createSlurmController({ folder, environment }: SlurmControllerConfig): SlurmController {
  const program = folder === undefined ? 'scontrol' : join(folder, 'scontrol')
  const scontrol = async (...args: string[]) => {
    const { code, stdout, stderr } = await runArgv([program, ...args], { environment, timeoutMs })
    if (code !== 0) throw new Error(`scontrol: ${(stderr || stdout).trim() || `exit status ${code}`}`)
    return stdout
  }
  return {
    async clusterName() {
      const name = /^ClusterName\s*=\s*(\S+)$/m.exec(await scontrol('show', 'config'))?.[1]
      if (name === undefined) throw new Error('scontrol does not tell the name of the cluster')
      return name
    },
    async setAddresses(nodes) {
      for (const part of chunk(nodes)) {
        const list = (value: (entry: NodeAddress) => string) => part.map(value).join(',')
        await scontrol(
          ...['update', `nodename=${list(({ node }) => node)}`],
          ...[
            `nodeaddr=${list(({ address }) => address)}`,
            `nodehostname=${list(({ hostname }) => hostname)}`,
          ],
        )
      }
    },
    async setDown(nodes, reason) {
      for (const part of chunk(nodes))
        await scontrol('update', `nodename=${part.join(',')}`, 'state=down', `reason=${cleanReason(reason)}`)
    },
    async listPoweredDown(nodes) {
      const on = parsePoweredNodes(await scontrol('--oneliner', 'show', 'node'))
      return nodes.filter((node) => !on.has(node))
    },
    async setAvailable(nodes) {
      for (const part of chunk(nodes)) await scontrol('update', `nodename=${part.join(',')}`, 'state=resume')
    },
  }
}

/** The nodes of `scontrol --oneliner show node` that are not switched off. Without PrivateData=cloud it leaves those out that are. */
export function parsePoweredNodes(text: string): ReadonlySet<string> {
  const nodes = text.split('\n').flatMap((line) => {
    const [, name, state] = /^NodeName=(\S+) .*?\bState=(\S+)/.exec(line) ?? []
    return name === undefined || state === undefined ? [] : [{ name, flags: state.split('+') }]
  })
  // Every machine would be taken for one that nobody needs.
  if (nodes.length === 0)
    throw new Error('Slurm shows no node at all: is PrivateData=cloud missing in slurm.conf?')
  const isOff = (flags: readonly string[]) => flags.includes('POWERED_DOWN') && !flags.includes('POWERING_UP')
  return new Set(nodes.filter(({ flags }) => !isOff(flags)).map(({ name }) => name))
}

/** One line without quotes, which scontrol would take for its own. */
function cleanReason(reason: string): string {
  return reason
    .replaceAll(/[\p{Cc}\s"']+/gu, ' ')
    .trim()
    .slice(0, longestReason)
}

function chunk<T>(items: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / mostAtOnce) }, (_, i) =>
    items.slice(i * mostAtOnce, (i + 1) * mostAtOnce),
  )
}
