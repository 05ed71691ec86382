import { runArgv } from './run-argv.ts'

/** What slurmctld is told of nodes. */
export interface SlurmController {
  clusterName(): Promise<string>
  setAddresses(nodes: readonly NodeAddress[]): Promise<void>
  /** Jobs on these nodes are requeued at once. When ResumeTimeout is over, Slurm runs ResumeFailProgram for the nodes. */
  setDown(nodes: readonly string[], reason: string): Promise<void>
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

/** Talks to slurmctld by scontrol(1), as the account that Slurm runs these programs as. */
export function createSlurmController(environment: Readonly<Record<string, string>>): SlurmController {
  const scontrol = async (...args: string[]) => {
    const { code, stdout, stderr } = await runArgv(['scontrol', ...args], { environment, timeoutMs })
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
    async setAvailable(nodes) {
      for (const part of chunk(nodes)) await scontrol('update', `nodename=${part.join(',')}`, 'state=resume')
    },
  }
}

/** One line without quotes, which scontrol would take for its own. */
function cleanReason(reason: string): string {
  return reason
    .replaceAll(/[\p{Cc}"']+/gu, ' ')
    .trim()
    .slice(0, longestReason)
}

function chunk<T>(items: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / mostAtOnce) }, (_, i) =>
    items.slice(i * mostAtOnce, (i + 1) * mostAtOnce),
  )
}
