import { createServer } from 'node:http'

/** Answers nodes where the edge will, while the platform does not run: so that the way is tried before it is needed. */
export interface HubStandIn {
  /** False where nothing of ours could listen, because somebody does: the platform, one hopes. */
  isStanding: boolean
  close(): void
}

export function openHubStandIn(host: string, port: number): Promise<HubStandIn> {
  const server = createServer((_request, response) => response.writeHead(204).end())
  return new Promise((resolve) => {
    server.once('error', () => resolve({ isStanding: false, close() {} }))
    server.listen(port, host, () => {
      resolve({
        isStanding: true,
        close() {
          server.closeAllConnections()
          server.close()
        },
      })
    })
  })
}
