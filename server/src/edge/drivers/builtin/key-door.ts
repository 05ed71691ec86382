import { createServer } from 'node:tls'

import { buildSharedKeyServerOptions, type SharedKey } from '#platform/shared-key-tls.ts'

import type { ControlDoor } from './control-door.ts'

/** A TCP port for control planes of other machines, which have to prove that they have the key. */
export function createKeyDoor({
  host,
  port,
  key,
}: {
  host: string
  port: number
  key: SharedKey
}): ControlDoor {
  const server = createServer({
    ...buildSharedKeyServerOptions(key),
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: keepAliveMs,
  })
  return {
    listen(onConnection) {
      server.on('secureConnection', onConnection)
      return new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen(port, host, () => resolve())
      })
    },
    leave: () => server.close(),
    close: () => server.close(),
  }
}

/** TCP finds control planes that have silently gone after this long without traffic, in milliseconds. */
const keepAliveMs = 10_000
