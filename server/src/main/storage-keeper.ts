/**
 * The storage keeper: makes homes and folders of groups for a platform on Kubernetes that is no root. Settings come from the environment:
 * ATRIUM_KEEPER_ROOT (where the storage is), ATRIUM_KEEPER_TOKEN_FILE, ATRIUM_KEEPER_PORT (8070), ATRIUM_KEEPER_HOST (all addresses).
 * It runs as root with CHOWN, DAC_OVERRIDE and FOWNER alone. SIGTERM ends it; requests in flight end first.
 */
import { once } from 'node:events'

import { systemClock } from '#platform/clock.ts'
import { createLogger } from '#platform/log.ts'
import { createKeeperServer, readKeeperToken } from '#storage/keeper/keeper-server.ts'
import { createOwnedFolders } from '#storage/owned-folders.ts'

const log = createLogger({ name: 'storage-keeper' })

try {
  process.umask(0o077)
  const root = readSetting('ATRIUM_KEEPER_ROOT')
  const tokenFile = readSetting('ATRIUM_KEEPER_TOKEN_FILE')
  const port = Number(process.env['ATRIUM_KEEPER_PORT'] ?? '8070')
  await readKeeperToken(tokenFile)
  const server = createKeeperServer({ root, tokenFile }, { clock: systemClock, log })
  server.listen(port, process.env['ATRIUM_KEEPER_HOST'] ?? '::')
  await once(server, 'listening')
  log.info({ root, address: server.address() }, 'keeping the storage')
  await createOwnedFolders({ root })
    .check()
    .catch((error: unknown) => log.warn({ err: error }, 'the storage cannot be used yet'))
  const stop = () => {
    server.close(() => process.exit(0))
    server.closeIdleConnections()
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
} catch (error) {
  log.fatal({ err: error }, 'the storage keeper cannot start')
  process.exitCode = 1
}

function readSetting(name: string): string {
  const value = process.env[name]
  if (value === undefined || value === '') throw new Error(`${name} is not set`)
  return value
}
