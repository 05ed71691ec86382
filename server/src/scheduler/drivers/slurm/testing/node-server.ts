import type { EventEmitter } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

import { isPlatformError } from '@atrium/contract/errors.ts'

import { findNodeCredential, type NodeDoor, type NodeRequest } from '#scheduler/node-door.ts'

/** The door on a port of its own, without the rest of the platform. */
export interface NodeServer {
  url: string
  /** For its events. */
  server: EventEmitter
  close(): Promise<void>
}

interface NodeServerOptions {
  address?: string
  port?: number
  tls?: { cert: string; key: string }
}

/** Serves a door as the hub's routes do. `address`: where nodes reach it. `tls`: PEM texts. */
export async function startNodeServer(
  door: NodeDoor,
  { address = '127.0.0.1', port = 0, tls }: NodeServerOptions = {},
): Promise<NodeServer> {
  const calls: Readonly<Record<string, (request: NodeRequest) => Promise<string | undefined>>> = {
    '/hub/api/jobs/launch': (request) => door.launch(request),
    '/hub/api/jobs/report': (request) => door.report(request).then(() => undefined),
  }
  const listener: RequestListener = async (request, response) => {
    const answer = (status: number, body?: string) => response.writeHead(status).end(body)
    const call = calls[request.url ?? '']
    if (call === undefined) return answer(404)
    try {
      const body = await call({
        body: await text(request),
        credential: findNodeCredential(request.headers.authorization),
        ...(request.socket.remoteAddress === undefined ? {} : { address: request.socket.remoteAddress }),
      })
      answer(body === undefined ? 204 : 200, body)
    } catch (error) {
      answer(isPlatformError(error) ? error.status : 500)
    }
  }
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener)
  await new Promise<void>((resolve) => server.listen(port, address, resolve))
  const bound = server.address() as AddressInfo
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${address}:${bound.port}`,
    server,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
