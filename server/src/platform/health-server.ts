import type { Server } from 'node:http'

/** Without its ES module face, which would load much that an edge never needs. */
const http = process.getBuiltinModule('node:http')

export interface HealthOptions {
  host: string
  port: number
  /** True while it should be given work. */
  isReady: () => boolean
}

/**
 * Answers whoever starts and watches processes (Kubernetes' probes): `GET /healthz` while it lives, `GET /readyz` with 200 while it should be
 * given work, else 503. Says nothing else, to anybody. Rejects when the port cannot be had.
 */
export function listenForProbes({ host, port, isReady }: HealthOptions): Promise<Server> {
  const server = http.createServer({ maxHeaderSize: 4096 }, (request, response) => {
    const status = findStatus(request.method, request.url, isReady)
    response.writeHead(status, { 'content-length': 0, connection: 'close', 'cache-control': 'no-store' })
    response.end()
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve(server))
  })
}

function findStatus(method: string | undefined, url: string | undefined, isReady: () => boolean): number {
  if (method !== 'GET' && method !== 'HEAD') return 405
  if (url === '/healthz') return 200
  if (url === '/readyz') return isReady() ? 200 : 503
  return 404
}
