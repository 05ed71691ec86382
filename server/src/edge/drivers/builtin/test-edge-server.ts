/** For tests: an edge inside the test's own process, and requests to it byte by byte. */
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'

import type { EdgeState, TargetFailure } from '#edge/edge.ts'
import { type Clock, systemClock } from '#platform/clock.ts'
import { buildEdgeSettings, type EdgeConfig } from './edge-config.ts'
import { createEdgeServer, type EdgeServer } from './edge-server.ts'

export interface TestEdgeServer {
  server: EdgeServer
  port: number
  /** `http://127.0.0.1:PORT`. */
  url: string
  failures: TargetFailure[]
  /** Connections that clients have made so far. */
  connections(): number
  /** Opens a connection to send anything through. */
  connect(): Socket
  /** Sends bytes and answers all that comes back until the edge closes the connection. */
  send(bytes: string | Buffer): Promise<string>
  dispose(): Promise<void>
}

/** Starts one that knows `state`. */
export async function startTestEdge(
  state: Partial<EdgeState> = {},
  config: Partial<EdgeConfig> = {},
  { isEmpty = false, clock = systemClock }: { isEmpty?: boolean; clock?: Clock } = {},
): Promise<TestEdgeServer> {
  const failures: TargetFailure[] = []
  const server = await createEdgeServer({
    settings: buildEdgeSettings({ port: 0, controlSocketPath: '', ...config }),
    clock,
    onTargetFailed: (failure) => failures.push(failure),
  })
  if (!isEmpty) server.replace({ routes: [], tunnels: [], credentials: [], controlPlanes: [], ...state })
  let connections = 0
  server.listener.on('connection', () => {
    connections += 1
  })
  const port = await server.listen({ host: '127.0.0.1', port: 0 })
  return {
    server,
    port,
    url: `http://127.0.0.1:${port}`,
    failures,
    connections: () => connections,
    connect: () => connect({ host: '127.0.0.1', port, noDelay: true }),
    send(bytes) {
      const socket = connect({ host: '127.0.0.1', port, noDelay: true })
      socket.write(bytes)
      return text(socket)
    },
    dispose: () => server.drain(0),
  }
}
