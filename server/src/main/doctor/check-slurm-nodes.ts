import { createMunge } from '#scheduler/drivers/slurm/munge.ts'
import type { SlurmNode } from '#scheduler/drivers/slurm/slurm-client.ts'

import { type Finding, ok, problem, warn } from './finding.ts'
import { judgeProbe, type ProofOfNode } from './judge-probe.ts'
import { type ProbeResult, type ProbeSite, probePartition } from './node-probe.ts'

const mostPartitions = 8

interface NodeCheckOptions {
  site: ProbeSite
  /** Empty: all that have a node which is up. */
  partitions: readonly string[]
  isHubAbsent: boolean
}

/** One short job in each partition, all at once. */
export async function checkSlurmNodes(options: NodeCheckOptions): Promise<readonly Finding[]> {
  const { site, isHubAbsent } = options
  const nodes = await site.client.listNodes({ signal: AbortSignal.timeout(60_000) })
  const { chosen, findings } = choosePartitions(nodes, options.partitions)
  const judge = { ...site, gid: process.getgid?.() ?? 0, isHubAbsent }
  const results = await Promise.all(
    chosen.map(async (partition) => {
      const result = await probePartition(site, partition)
      return { partition, result, proof: await proveNode(site, result) }
    }),
  )
  return [
    ...findings,
    ...results.flatMap(({ partition, result, proof }) => judgeProbe(partition, result, judge, proof)),
    ...compareHomes(results.map(({ result }) => result)),
  ]
}

/** Partitions to look at, and what is to say of those left out. */
export function choosePartitions(
  nodes: readonly SlurmNode[],
  wanted: readonly string[],
): { chosen: readonly string[]; findings: readonly Finding[] } {
  const all = [...new Set(nodes.flatMap((node) => node.partitions))]
  if (all.length === 0) return { chosen: [], findings: [problem('nodes', 'there are none', 'See sinfo.')] }
  const partitionsOf = (isThus: (node: SlurmNode) => boolean) =>
    new Set(nodes.filter(isThus).flatMap((node) => node.partitions))
  const [up, off] = [partitionsOf(isUp), partitionsOf(isOff)]
  const isReady = (name: string) => up.has(name) || (wanted.includes(name) && off.has(name))
  const asked = wanted.length > 0 ? wanted : all
  const chosen = asked.filter(isReady).slice(0, mostPartitions)
  const left = asked.filter((name) => !chosen.includes(name))
  const asleep = left.filter((name) => off.has(name) && !up.has(name))
  const broken = left.filter((name) => !asleep.includes(name))
  const note = asleep.length === 0 ? '' : `; switched off, and left so: ${asleep.join(', ')}`
  const mend = 'No node of theirs is up, or there are many: name some by --partition NAME to look at them.'
  const lookedAt = ok('nodes', `${nodes.length} in ${all.length} partitions${note}`)
  const missing = broken.length === 0 ? [] : [warn('nodes', `not looked at: ${broken.join(', ')}`, mend)]
  return { chosen, findings: [lookedAt, ...missing] }
}

function isUp({ states }: SlurmNode): boolean {
  return !states.some((state) => /down|drain|fail|power|unknown|not_responding/.test(state))
}

/** Slurm would switch it on for a job. */
function isOff({ states }: SlurmNode): boolean {
  return states.includes('powered_down') && !states.some((state) => /^down|drain|fail/.test(state))
}

async function proveNode(site: ProbeSite, result: ProbeResult): Promise<ProofOfNode> {
  if (result.outcome !== 'answered') return { absent: 'no answer' }
  const { credential, error } = result.answer.munge
  if (credential === undefined) return { absent: error ?? 'no credential' }
  const { mungeSocket } = site
  const munge = createMunge(mungeSocket === undefined ? {} : { socket: mungeSocket })
  try {
    return await munge.decode(credential)
  } catch (failure) {
    return { refused: failure instanceof Error ? failure.message : String(failure) }
  }
}

/** The home of one user is the same folder on all nodes. */
export function compareHomes(results: readonly ProbeResult[]): readonly Finding[] {
  const homes = results.flatMap((result) =>
    result.outcome === 'answered' && result.answer.home.inode !== undefined
      ? [{ node: result.answer.node, inode: result.answer.home.inode }]
      : [],
  )
  const [first] = homes
  const other = homes.find(({ inode }) => inode !== first?.inode)
  if (first === undefined || other === undefined) return []
  const text = `the home on ${first.node} is another folder than on ${other.node}`
  return [
    problem('homes', text, 'Mount the same homes on all nodes: users expect their files wherever they run.'),
  ]
}
