import { ensureDefaultEnvironment } from '#environments/default-environment.ts'
import type { Logger } from '#platform/log.ts'

import type { StartOptions } from './start-options.ts'

const longestSetUpMs = 3_600_000

/** Makes the default environment unless it is there, showing what is done. Answers the Python that runs the node agent. */
export async function ensureEnvironment(start: StartOptions, log: Logger): Promise<string> {
  const { python } = await ensureDefaultEnvironment({
    prefix: start.environmentPrefix,
    onProgress: ({ message }) => {
      if (!start.json) console.log(message)
    },
    signal: AbortSignal.timeout(longestSetUpMs),
    log,
  })
  return python
}
