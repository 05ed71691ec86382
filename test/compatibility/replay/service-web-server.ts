import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** The web server behind the site's services: says where it was asked. */
export interface ServiceWebServer {
  url: string
  close(): Promise<void>
}

export function startServiceWebServer(): Promise<ServiceWebServer> {
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ service: request.url }))
  })
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      resolve({
        url: `http://127.0.0.1:${port}`,
        close: () =>
          new Promise((done) => {
            server.close(() => done())
            server.closeAllConnections()
          }),
      })
    })
  })
}
