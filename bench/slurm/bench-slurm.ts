import { chmodSync, copyFileSync } from 'node:fs'
import { join } from 'node:path'

import type { SlurmCluster } from '../../test/slurm/cluster.ts'
import { openWarmDoor } from '../../test/slurm/warm-doors.ts'
import { collectFigures, type Figures } from '../hub/figures.ts'
import { type HubOnCluster, withHub } from '../hub/hub-on-cluster.ts'
import { jupyterhubVersion } from '../hub/jupyterhub.ts'
import type { Measurement } from '../measurement.ts'
import { startAtriumOnSlurm } from './atrium-on-slurm.ts'
import { measureBareJob } from './bare-job.ts'
import { batchspawnerVersion, ensureBatchspawner, startBatchspawner } from './batchspawner.ts'
import { startBenchCluster } from './cluster-under-test.ts'
import { measureLab, measureServers, rowNames } from './measures.ts'

const peerName = `JupyterHub ${jupyterhubVersion}, batchspawner ${batchspawnerVersion}`
const rows: readonly Pick<Measurement, 'name' | 'unit' | 'better' | 'aim'>[] = [
  { name: rowNames.one, unit: 'ms', better: 'lower', aim: 2 },
  { name: rowNames.many, unit: 's', better: 'lower', aim: 5 },
  { name: rowNames.pendingCalls, unit: 'calls', better: 'lower', aim: 20 },
  { name: rowNames.runningCalls, unit: 'calls', better: 'lower', aim: 20 },
  { name: rowNames.recovery, unit: 's', better: 'lower' },
]
const labRow: Pick<Measurement, 'name' | 'unit' | 'better' | 'aim'> = {
  name: rowNames.lab,
  unit: 'ms',
  better: 'lower',
  aim: 2,
}
const bareRow = 'Slurm: trivial server by bare sbatch'

/** JupyterHub with batchspawner and ours in turn, each round on a fresh cluster. */
export async function benchSlurm({ rounds }: { rounds: number }): Promise<readonly Measurement[]> {
  const ours: Figures[] = []
  const peer: Figures[] = []
  const bare: number[] = []
  for (let round = 1; round <= rounds; round++) {
    console.error(`slurm, round ${round} of ${rounds}`)
    const cluster = await startBenchCluster()
    try {
      const server = installServer(cluster)
      const measure = (hub: HubOnCluster) => measureServers(hub, cluster)
      const options = { serverCommand: server }
      peer.push(await withHub(startBatchspawner, cluster, options, measure))
      ours.push(await withHub(startAtriumOnSlurm, cluster, options, measure))
      await measureBareJob(cluster, server)
      bare.push(await measureBareJob(cluster, server))
    } finally {
      await cluster.stop()
    }
  }
  return [
    ...rows.map((row) => ({
      ...row,
      ours: collectFigures(ours, row.name),
      peer: collectFigures(peer, row.name),
      peerName,
    })),
    { name: bareRow, unit: 'ms', better: 'lower', ours: bare, peer: [], peerName: '' },
  ]
}

/** The real JupyterLab, in one and the same environment, at both. Quick to measure, so by itself. */
export async function benchSlurmLab({ rounds }: { rounds: number }): Promise<readonly Measurement[]> {
  const ours: Figures[] = []
  const peer: Figures[] = []
  for (let round = 1; round <= rounds; round++) {
    console.error(`slurm-lab, round ${round} of ${rounds}`)
    const cluster = await startBenchCluster()
    try {
      peer.push(await withHub(startBatchspawner, cluster, {}, measureLab))
      const cold = await withHub(startAtriumOnSlurm, cluster, {}, measureLab)
      const doors = cluster.nodes.map(({ name, kind }) =>
        kind === 'static' ? [openWarmDoor(cluster, name, { prefix: ensureBatchspawner() })] : [],
      )
      await Promise.all(doors.flat().map((door) => door.start()))
      const warm = await withHub(startAtriumOnSlurm, cluster, {}, measureLab)
      ours.push({ [rowNames.lab]: warm[rowNames.lab] ?? 0, [rowNames.coldLab]: cold[rowNames.lab] ?? 0 })
    } finally {
      await cluster.stop()
    }
  }
  const measured = { peer: collectFigures(peer, rowNames.lab), peerName }
  return [
    { ...labRow, ...measured, ours: collectFigures(ours, rowNames.lab) },
    {
      name: rowNames.coldLab,
      unit: 'ms',
      better: 'lower',
      ...measured,
      ours: collectFigures(ours, rowNames.coldLab),
    },
  ]
}

/** The trivial server where hosts and users find it. */
function installServer(cluster: SlurmCluster): readonly string[] {
  const path = join(cluster.dir, 'trivial-server.py')
  copyFileSync(join(import.meta.dirname, '..', '..', 'test', 'support', 'trivial-server.py'), path)
  chmodSync(path, 0o755)
  return [path]
}
