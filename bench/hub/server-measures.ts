import { setTimeout as sleep } from 'node:timers/promises'

import { untilQuiet } from '../processes.ts'
import type { HubOnCluster } from './hub-on-cluster.ts'
import { listReadyServers, startServer, stopServer } from './hub-servers.ts'

/** From the request to the server's being ready, ms; it is stopped again. `quiet`: see `untilQuiet`. */
export async function measureStart(
  hub: HubOnCluster,
  user: string,
  name: string,
  quiet?: number,
): Promise<number> {
  await untilQuiet(quiet)
  const started = performance.now()
  await startServer(hub, user, name)
  const elapsedMs = performance.now() - started
  await stopServer(hub, user, name)
  return elapsedMs
}

/** From the command that starts the killed control plane to the moment when all servers are known to run, s. */
export async function measureRecovery(
  hub: HubOnCluster,
  user: string,
  servers: number,
  quiet?: number,
): Promise<number> {
  await hub.kill()
  await untilQuiet(quiet)
  const started = performance.now()
  await hub.startAgain()
  while ((await listReadyServers(hub, user)).length !== servers) await sleep(20)
  return (performance.now() - started) / 1000
}
