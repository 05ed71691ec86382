import { setTimeout as sleep } from 'node:timers/promises'

import type { SlurmCluster } from '../../test/slurm/cluster.ts'
import { callHub } from '../hub/hub-under-test.ts'
import type { Figures } from '../hub/measures.ts'
import { untilQuiet } from '../processes.ts'
import { countCalls, setPartition } from './cluster-under-test.ts'
import type { HubOnSlurm } from './hub-on-slurm.ts'

const user = 'alice'
export const servers = 50
/** A start that takes longer counts as broken. */
const startWithinMs = 240_000
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
export async function measureLab(hub: HubOnSlurm): Promise<Figures> {
  await callHub(hub, 'POST', `/hub/api/users/${user}`)
  await measureOne(hub, 'first')
  return { [rowNames.lab]: await measureOne(hub, 'second') }
}

/** Everything that is measured with servers that cost nothing themselves. */
export async function measureServers(hub: HubOnSlurm, cluster: SlurmCluster): Promise<Figures> {
  await callHub(hub, 'POST', `/hub/api/users/${user}`)
  await measureOne(hub, 'first')
  const figures: Figures = { [rowNames.one]: await measureOne(hub, 'second') }
  const names = Array.from({ length: servers }, (_, index) => `many-${index}`)
  await untilQuiet()
  const started = performance.now()
  await Promise.all(names.map((name) => startServer(hub, name)))
  figures[rowNames.many] = (performance.now() - started) / 1000
  figures[rowNames.runningCalls] = await countCallsOfMinute(cluster)
  figures[rowNames.recovery] = await measureRecovery(hub)
  await Promise.all(names.map((name) => stopServer(hub, name)))
  await setPartition(cluster, 'down')
  try {
    await Promise.all(names.map((name) => requestServer(hub, name)))
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

async function measureOne(hub: HubOnSlurm, name: string): Promise<number> {
  await untilQuiet()
  const started = performance.now()
  await startServer(hub, name)
  const elapsedMs = performance.now() - started
  await stopServer(hub, name)
  return elapsedMs
}

/** From the command to the moment when all are known to run. */
async function measureRecovery(hub: HubOnSlurm): Promise<number> {
  await hub.kill()
  await untilQuiet()
  const started = performance.now()
  await hub.startAgain()
  for (;;) {
    const known = await listServers(hub)
    if (known.length === servers) return (performance.now() - started) / 1000
    await sleep(20)
  }
}

async function listServers(hub: HubOnSlurm): Promise<readonly string[]> {
  const model = (await callHub(hub, 'GET', `/hub/api/users/${user}`)) as {
    servers: Record<string, { ready: boolean }>
  }
  return Object.entries(model.servers).flatMap(([name, { ready }]) => (ready ? [name] : []))
}

async function requestServer(hub: HubOnSlurm, name: string): Promise<void> {
  const path = `/hub/api/users/${user}/servers/${name}`
  await callHub(hub, 'POST', path, { body: {}, expect: [201, 202] })
}

/** Resolves when the server is ready, as the progress stream tells. */
async function startServer(hub: HubOnSlurm, name: string): Promise<void> {
  await requestServer(hub, name)
  const response = await fetch(`${hub.url}/hub/api/users/${user}/servers/${name}/progress`, {
    headers: { authorization: `token ${hub.adminToken}` },
    signal: AbortSignal.timeout(startWithinMs),
  })
  if (response.body === null) throw new Error('no progress stream')
  let text = ''
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk
    if (/"ready": ?true/.test(text)) return
    if (/"failed": ?true/.test(text)) throw new Error(`${name} failed: ${text.slice(-500)}`)
  }
  throw new Error(`the progress stream of ${name} ended early: ${text.slice(-500)}`)
}

async function stopServer(hub: HubOnSlurm, name: string): Promise<void> {
  const path = `/hub/api/users/${user}/servers/${name}`
  await callHub(hub, 'DELETE', path, { body: { remove: true }, expect: [202, 204] })
  for (;;) {
    const model = (await callHub(hub, 'GET', `/hub/api/users/${user}?include_stopped_servers`)) as {
      servers: Record<string, unknown>
    }
    if (!(name in model.servers)) return
    await sleep(50)
  }
}
