import { findProcesses } from '../processes.ts'
import { startAtrium } from './atrium.ts'
import type { Figures } from './figures.ts'
import { callHub, type HubUnderTest } from './hub-under-test.ts'
import { startServer } from './measures.ts'

const servers = 1000
const startsAtOnce = 50
const deaths = 10
const largestPage = 200

/** The row of `measureReadoption`. */
export const readoptionRow = `${servers} running servers re-adopted`

/**
 * Control plane, edge and node agent are killed beside running servers, some of which die meanwhile. From the command to the moment when
 * just those are known to be gone; every other one must be reached then.
 */
export async function measureReadoption(serverCommand: readonly string[]): Promise<Figures> {
  const hub = await startAtrium({ serverCommand })
  try {
    const names = Array.from({ length: servers }, (_, index) => `adopted-${index}`)
    await callHub(hub, 'POST', '/hub/api/users', { body: { usernames: names } })
    for (let start = 0; start < servers; start += startsAtOnce)
      await Promise.all(names.slice(start, start + startsAtOnce).map((name) => startServer(hub, name)))
    await hub.kill()
    const pids = findProcesses((argv) => argv.join(' ').startsWith(serverCommand.join(' ')))
    for (const pid of pids.slice(0, deaths)) process.kill(pid, 'SIGKILL')
    const started = performance.now()
    await hub.startAgain()
    const living = await untilKnown(hub, pids.length - deaths)
    const elapsedMs = performance.now() - started
    for (const name of living) await reach(hub, name)
    return { [readoptionRow]: elapsedMs / 1000 }
  } finally {
    await hub.stop()
  }
}

async function untilKnown(hub: HubUnderTest, count: number): Promise<readonly string[]> {
  for (;;) {
    const { counts } = (await callHub(hub, 'GET', '/api/v1/status')) as { counts: { runningServers: number } }
    if (counts.runningServers < count) throw new Error('servers were given up')
    if (counts.runningServers === count) return listReady(hub)
  }
}

async function listReady(hub: HubUnderTest): Promise<readonly string[]> {
  const names: string[] = []
  for (;;) {
    const path = `/hub/api/users?state=ready&limit=${largestPage}&offset=${names.length}`
    const page = (await callHub(hub, 'GET', path)) as { name: string }[]
    names.push(...page.map(({ name }) => name))
    if (page.length < largestPage) return names
  }
}

async function reach(hub: HubUnderTest, name: string): Promise<void> {
  const headers = { authorization: `token ${hub.adminToken}` }
  const response = await fetch(`${hub.url}/user/${name}/api`, { headers })
  const text = await response.text()
  if (text !== 'ok') throw new Error(`the server of ${name} answered ${response.status}: ${text}`)
}
