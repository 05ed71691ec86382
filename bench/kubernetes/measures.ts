import { setTimeout as sleep } from 'node:timers/promises'

import type { Figures } from '../hub/figures.ts'
import type { HubOnCluster } from '../hub/hub-on-cluster.ts'
import { startServer, stopServer } from '../hub/hub-servers.ts'
import { callHub } from '../hub/hub-under-test.ts'
import { measureRecovery, measureStart } from '../hub/server-measures.ts'
import { median } from '../measurement.ts'
import { untilQuiet } from '../processes.ts'
import { type BenchAccount, quietShare } from './cluster-under-test.ts'

const user = 'alice'
export const servers = 30
const countedMs = 60_000
/** What follows a start by itself is over by then. */
const settledMs = 15_000
/** Single starts of each round, of which the median counts. */
export const singleStarts = 9
/** The kubelet looks once in this time which containers have started. */
const kubeletLookMs = 1000

export const rowNames = {
  lab: 'Kubernetes: real JupyterLab ready',
  one: 'Kubernetes: trivial server ready',
  many: `Kubernetes: ${servers} trivial servers at once`,
  startCalls: `Kubernetes: API calls of ${servers} starts`,
  runningCalls: `Kubernetes: API calls a minute, ${servers} servers running`,
  recovery: `Kubernetes: ${servers} servers known again after kill -9`,
} as const

/**
 * Spreads starts evenly over the time between two looks of the kubelet. What follows a stop, which ends with such a look, would begin at the same
 * moment after one each time, and wait as long for the next: up to a second more or less, for a hub or a pod as it happens.
 */
export async function shiftPhase(start: number): Promise<void> {
  await sleep((start / singleStarts) * kubeletLookMs)
}

/** A click to the real JupyterLab answering. */
export async function measureLab(hub: HubOnCluster): Promise<Figures> {
  await callHub(hub, 'POST', `/hub/api/users/${user}`)
  return { [rowNames.lab]: await measureSingles(hub) }
}

/** The median of single starts, after one that warms up. */
async function measureSingles(hub: HubOnCluster): Promise<number> {
  await measureStart(hub, user, 'first', quietShare)
  const figures: number[] = []
  for (let start = 1; start <= singleStarts; start++) {
    await shiftPhase(start)
    figures.push(await measureStart(hub, user, `single-${start}`, quietShare))
  }
  return median(figures)
}

/** Everything that is measured with servers that cost nothing themselves. */
export async function measureServers(hub: HubOnCluster, account: BenchAccount): Promise<Figures> {
  await callHub(hub, 'POST', `/hub/api/users/${user}`)
  const single = await measureSingles(hub)
  const names = Array.from({ length: servers }, (_, index) => `many-${index}`)
  await untilQuiet(quietShare)
  const before = account.calls().length
  const started = performance.now()
  await Promise.all(names.map((name) => startServer(hub, user, name)))
  const elapsedMs = performance.now() - started
  const startCalls = account.calls().length - before
  const figures: Figures = {
    [rowNames.one]: single,
    [rowNames.many]: elapsedMs / 1000,
    [rowNames.startCalls]: startCalls,
    [rowNames.runningCalls]: await countCallsOfMinute(account),
    [rowNames.recovery]: await measureRecovery(hub, user, servers, quietShare),
  }
  await Promise.all(names.map((name) => stopServer(hub, user, name)))
  return figures
}

async function countCallsOfMinute(account: BenchAccount): Promise<number> {
  await sleep(settledMs)
  const before = account.calls().length
  await sleep(countedMs)
  return account.calls().length - before
}
