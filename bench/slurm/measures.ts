import { setTimeout as sleep } from 'node:timers/promises'

import type { SlurmCluster } from '../../test/slurm/cluster.ts'
import type { Figures } from '../hub/figures.ts'
import type { HubOnCluster } from '../hub/hub-on-cluster.ts'
import { requestServer, startServer, stopServer } from '../hub/hub-servers.ts'
import { callHub } from '../hub/hub-under-test.ts'
import { measureRecovery, measureStart } from '../hub/server-measures.ts'
import { untilQuiet } from '../processes.ts'
import { countCalls, setPartition } from './cluster-under-test.ts'

const user = 'alice'
export const servers = 50
const countedMs = 60_000
/** What follows a start or a stop by itself is over by then. */
const settledMs = 15_000

export const rowNames = {
  lab: 'Slurm: real JupyterLab ready',
  /** Ours without warm doors on the nodes. */
  coldLab: 'Slurm: real JupyterLab ready, no warm door',
  one: 'Slurm: trivial server ready',
  many: `Slurm: ${servers} trivial servers at once`,
  pendingCalls: `Slurm calls a minute, ${servers} servers pending`,
  runningCalls: `Slurm calls a minute, ${servers} servers running`,
  recovery: `Slurm: ${servers} servers known again after kill -9`,
} as const

/** A click to the real JupyterLab answering; the second of two. */
export async function measureLab(hub: HubOnCluster): Promise<Figures> {
  await callHub(hub, 'POST', `/hub/api/users/${user}`)
  await measureStart(hub, user, 'first')
  return { [rowNames.lab]: await measureStart(hub, user, 'second') }
}

/** Everything that is measured with servers that cost nothing themselves. */
export async function measureServers(hub: HubOnCluster, cluster: SlurmCluster): Promise<Figures> {
  await callHub(hub, 'POST', `/hub/api/users/${user}`)
  await measureStart(hub, user, 'first')
  const figures: Figures = { [rowNames.one]: await measureStart(hub, user, 'second') }
  const names = Array.from({ length: servers }, (_, index) => `many-${index}`)
  await untilQuiet()
  const started = performance.now()
  await Promise.all(names.map((name) => startServer(hub, user, name)))
  figures[rowNames.many] = (performance.now() - started) / 1000
  figures[rowNames.runningCalls] = await countCallsOfMinute(cluster)
  figures[rowNames.recovery] = await measureRecovery(hub, user, servers)
  await Promise.all(names.map((name) => stopServer(hub, user, name)))
  await setPartition(cluster, 'down')
  try {
    await Promise.all(names.map((name) => requestServer(hub, user, name)))
    figures[rowNames.pendingCalls] = await countCallsOfMinute(cluster)
  } finally {
    await setPartition(cluster, 'up')
  }
  return figures
}

async function countCallsOfMinute(cluster: SlurmCluster): Promise<number> {
  await sleep(settledMs)
  const before = await countCalls(cluster)
  await sleep(countedMs)
  return (await countCalls(cluster)) - before
}
