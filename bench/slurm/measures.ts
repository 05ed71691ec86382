import { setTimeout as sleep } from 'node:timers/promises'

import type { SlurmCluster } from '../../test/slurm/cluster.ts'
import type { Figures } from '../hub/figures.ts'
import type { HubOnCluster } from '../hub/hub-on-cluster.ts'
import { listReadyServers, requestServer, startServer, stopServer } from '../hub/hub-servers.ts'
import { callHub } from '../hub/hub-under-test.ts'
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
  await measureOne(hub, 'first')
  return { [rowNames.lab]: await measureOne(hub, 'second') }
}

/** Everything that is measured with servers that cost nothing themselves. */
export async function measureServers(hub: HubOnCluster, cluster: SlurmCluster): Promise<Figures> {
  await callHub(hub, 'POST', `/hub/api/users/${user}`)
  await measureOne(hub, 'first')
  const figures: Figures = { [rowNames.one]: await measureOne(hub, 'second') }
  const names = Array.from({ length: servers }, (_, index) => `many-${index}`)
  await untilQuiet()
  const started = performance.now()
  await Promise.all(names.map((name) => startServer(hub, user, name)))
  figures[rowNames.many] = (performance.now() - started) / 1000
  figures[rowNames.runningCalls] = await countCallsOfMinute(cluster)
  figures[rowNames.recovery] = await measureRecovery(hub)
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

async function measureOne(hub: HubOnCluster, name: string): Promise<number> {
  await untilQuiet()
  const started = performance.now()
  await startServer(hub, user, name)
  const elapsedMs = performance.now() - started
  await stopServer(hub, user, name)
  return elapsedMs
}

/** From the command to the moment when all are known to run. */
async function measureRecovery(hub: HubOnCluster): Promise<number> {
  await hub.kill()
  await untilQuiet()
  const started = performance.now()
  await hub.startAgain()
  for (;;) {
    const known = await listReadyServers(hub, user)
    if (known.length === servers) return (performance.now() - started) / 1000
    await sleep(20)
  }
}
