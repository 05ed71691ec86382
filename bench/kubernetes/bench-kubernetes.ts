import type { KubernetesCluster } from '../../test/kubernetes/cluster.ts'
import { collectFigures, type Figures } from '../hub/figures.ts'
import { withHub } from '../hub/hub-on-cluster.ts'
import { jupyterhubVersion } from '../hub/jupyterhub.ts'
import { type Measurement, median } from '../measurement.ts'
import { ourNamespace, startAtriumOnKubernetes } from './atrium-on-kubernetes.ts'
import { measureBarePod } from './bare-pod.ts'
import { installServer, makeAccount, startBenchCluster } from './cluster-under-test.ts'
import { kubespawnerVersion, peerNamespace, startKubespawner } from './kubespawner.ts'
import { measureLab, measureServers, rowNames, shiftPhase, singleStarts } from './measures.ts'
import { measureSimulatedJobs, simulatedRowNames } from './simulated-jobs.ts'

const peerName = `JupyterHub ${jupyterhubVersion}, kubespawner ${kubespawnerVersion}`
const rows: readonly Pick<Measurement, 'name' | 'unit' | 'better' | 'aim'>[] = [
  { name: rowNames.lab, unit: 'ms', better: 'lower' },
  { name: rowNames.one, unit: 'ms', better: 'lower' },
  { name: rowNames.many, unit: 's', better: 'lower', aim: 3 },
  { name: rowNames.startCalls, unit: 'calls', better: 'lower' },
  { name: rowNames.runningCalls, unit: 'calls', better: 'lower' },
  { name: rowNames.recovery, unit: 's', better: 'lower' },
]
const barePodRow = 'Kubernetes: the same pod alone, by kubectl, to its first answer'
const overheadRow = 'Kubernetes: a server beyond the pod alone'

/** JupyterHub with KubeSpawner and ours in turn, each round on a fresh cluster. */
export async function benchKubernetes({ rounds }: { rounds: number }): Promise<readonly Measurement[]> {
  const ours: Figures[] = []
  const peer: Figures[] = []
  for (let round = 1; round <= rounds; round++) {
    console.error(`kubernetes, round ${round} of ${rounds}`)
    const cluster = await startBenchCluster()
    try {
      const bare = await measureBarePods(cluster)
      const [theirs, own] = [await measurePeer(cluster), await measureOurs(cluster)]
      peer.push({ ...theirs, [overheadRow]: (theirs[rowNames.one] ?? 0) - bare })
      ours.push({ ...own, [barePodRow]: bare, [overheadRow]: (own[rowNames.one] ?? 0) - bare })
    } finally {
      await cluster.stop()
    }
  }
  const besidePeer = [...rows, { name: overheadRow, unit: 'ms', better: 'lower' } as const]
  const alone = [
    { name: barePodRow, unit: 'ms', better: 'lower' } as const,
    ...Object.values(simulatedRowNames).map((name) => ({ name, unit: 's', better: 'lower' }) as const),
  ]
  return [
    ...besidePeer.map((row) => ({
      ...row,
      ours: collectFigures(ours, row.name),
      peer: collectFigures(peer, row.name),
      peerName,
    })),
    ...alone.map((row) => ({ ...row, ours: collectFigures(ours, row.name), peer: [], peerName: '' })),
  ]
}

async function measureBarePods(cluster: KubernetesCluster): Promise<number> {
  await measureBarePod(cluster)
  const figures: number[] = []
  for (let pod = 1; pod <= singleStarts; pod++) {
    await shiftPhase(pod)
    figures.push(await measureBarePod(cluster))
  }
  return median(figures)
}

async function measurePeer(cluster: KubernetesCluster): Promise<Figures> {
  const account = await makeAccount(cluster, peerNamespace)
  const serverCommand = installServer(cluster).command
  const lab = await withHub(startKubespawner, cluster, {}, measureLab)
  const measure = (hub: Parameters<typeof measureServers>[0]) => measureServers(hub, account)
  return { ...lab, ...(await withHub(startKubespawner, cluster, { serverCommand }, measure)) }
}

async function measureOurs(cluster: KubernetesCluster): Promise<Figures> {
  const account = await makeAccount(cluster, ourNamespace)
  const serverCommand = installServer(cluster).command
  const lab = await withHub(startAtriumOnKubernetes, cluster, {}, measureLab)
  return withHub(startAtriumOnKubernetes, cluster, { serverCommand }, async (hub) => ({
    ...lab,
    ...(await measureServers(hub, account)),
    ...(await measureSimulatedJobs(hub, cluster)),
  }))
}
