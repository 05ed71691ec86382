import { type SlurmCluster, startSlurmCluster } from '../../test/slurm/cluster.ts'
import { runProgram } from '../../test/support/cluster/run-program.ts'

/** Places for servers: more than this machine has cores, since they idle. */
const coresOfHost = 32

/** The cluster that both hubs run on. */
export function startBenchCluster(): Promise<SlurmCluster> {
  return startSlurmCluster({ name: 'bench', coresOfHost, minJobAge: 300 })
}

/** Remote procedure calls that slurmctld has answered since its start, whoever made them, those of its own daemons left out. */
export async function countCalls(cluster: SlurmCluster): Promise<number> {
  const text = await runProgram('sdiag', [], { env: { SLURM_CONF: cluster.env.SLURM_CONF } })
  const [, rest = ''] = text.split('Remote Procedure Call statistics by message type\n')
  const [byType = ''] = rest.split('\n\n')
  let count = 0
  for (const [, name = '', calls] of byType.matchAll(/^\s*(\w+)\s*\(\s*\d+\)\s+count:(\d+)/gm)) {
    if (!ownCalls.test(name)) count += Number(calls)
  }
  return count
}

/** Between the daemons, and of sdiag itself. */
const ownCalls = /^(MESSAGE_|REQUEST_(COMPLETE|STEP_COMPLETE|PING|STATS_INFO|NODE_REGISTRATION)|ACCOUNTING_)/

/** Lets no job of the partition start, or lets them. */
export async function setPartition(cluster: SlurmCluster, state: 'up' | 'down'): Promise<void> {
  const args = ['update', 'partitionname=main', `state=${state}`]
  await runProgram('scontrol', args, { env: { SLURM_CONF: cluster.env.SLURM_CONF } })
}
