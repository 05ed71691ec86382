import { chmodSync, renameSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'

/** Where control planes connect to an edge. */
export interface ControlDoor {
  /** Starts to listen; whoever is passed on may steer the edge. Rejects as `net.Server` does (`EADDRINUSE`, `EACCES`). */
  listen(onConnection: (socket: Socket) => void): Promise<void>
  /** Listens no more; a successor does, at the same place. */
  leave(): void
  /** Listens no more, and nobody else does. */
  close(): void
}

/** A unix socket, which only the edge's own user reaches. */
export function createSocketDoor(path: string): ControlDoor {
  let server: Server | undefined
  return {
    /**
     * The socket is made under a name of its own and then put in place: a predecessor is replaced at one instant, and closing it later does
     * not remove ours.
     */
    async listen(onConnection) {
      const ownPath = `${path}.${process.pid}`
      rmSync(ownPath, { force: true })
      server = createServer(onConnection)
      await listen(server, ownPath)
      chmodSync(ownPath, 0o600)
      renameSync(ownPath, path)
    },
    leave: () => server?.close(),
    close() {
      server?.close()
      rmSync(path, { force: true })
    },
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
}
