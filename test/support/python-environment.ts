import { homedir } from 'node:os'
import { join } from 'node:path'

import { ensureDefaultEnvironment } from '@atrium/server/environments/default-environment.ts'
import { createSilentLogger } from '@atrium/server/platform/log.ts'

/**
 * The default Python environment, made once and kept outside the tree: by root where other users' jobs can read it. Answers its prefix.
 */
export async function ensureTestEnvironment(): Promise<string> {
  const given = process.env['ATRIUM_TEST_ENVIRONMENT']
  if (given !== undefined) return given
  const cache =
    process.getuid?.() === 0 ? '/var/cache' : (process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'))
  const prefix = join(cache, 'atrium-tests', 'default-environment')
  await ensureDefaultEnvironment({
    prefix,
    onProgress: ({ message }) => console.log(message),
    signal: AbortSignal.timeout(1_200_000),
    log: createSilentLogger(),
  })
  return prefix
}
