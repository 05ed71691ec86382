/** What stands behind the edge in tests: tells what reached it, and echoes websockets. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

import { acceptWebsocket } from './websocket-peer.ts'

/** A request as an upstream saw it. */
export interface SeenRequest {
  upstream: string
  method: string
  /** As it stood on the request line. */
  target: string
  headers: Record<string, string | string[] | undefined>
  rawHeaders: string[]
}

export interface TestUpstream {
  /** `http://127.0.0.1:PORT`. */
  target: string
  readonly seen: SeenRequest[]
  /** Open websockets here. */
  readonly websockets: ReadonlySet<Socket>
  /** Stops listening and closes every connection, as a killed process does. */
  kill(): Promise<void>
}

export interface TestUpstreamOptions {
  /** Answers requests; by default with the `SeenRequest` as JSON. */
  respond?: (request: IncomingMessage, response: ServerResponse, seen: SeenRequest) => void
  /** A fixed port or a unix socket, where a former upstream was. */
  listen?: { port: number } | { path: string }
}

/** Starts an upstream called `name`. */
export async function startUpstream(name: string, options: TestUpstreamOptions = {}): Promise<TestUpstream> {
  const seen: SeenRequest[] = []
  const websockets = new Set<Socket>()
  const server = createServer((request, response) => {
    const entry = look(name, request)
    seen.push(entry)
    if (options.respond === undefined) {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(entry))
    } else options.respond(request, response, entry)
  })
  server.on('upgrade', (request: IncomingMessage, socket: Socket, early: Buffer) => {
    seen.push(look(name, request))
    websockets.add(socket)
    socket.on('end', () => socket.end())
    socket.on('close', () => websockets.delete(socket))
    const peer = acceptWebsocket(request, socket, early)
    peer.onFrame(({ opcode, payload, isFinal }) => {
      if (opcode === 8) socket.end()
      else if (opcode === 9) peer.send({ opcode: 10, payload, isFinal: true })
      else if (opcode < 8) peer.send({ opcode, payload, isFinal })
    })
  })
  const where = options.listen ?? { port: 0, host: '127.0.0.1' }
  await new Promise<void>((resolve) => server.listen(where, resolve))
  const address = server.address()
  return {
    target:
      typeof address === 'string' ? `unix:${address}` : `http://127.0.0.1:${(address as AddressInfo).port}`,
    seen,
    websockets,
    async kill() {
      for (const socket of websockets) socket.destroy()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function look(upstream: string, request: IncomingMessage): SeenRequest {
  return {
    upstream,
    method: request.method as string,
    target: request.url as string,
    headers: request.headers,
    rawHeaders: request.rawHeaders,
  }
}
