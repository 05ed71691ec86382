import { ensureDefaultEnvironment } from '#environments/default-environment.ts'
import type { Logger } from '#platform/log.ts'

import { createSetUpProgress } from './set-up-progress.ts'
import type { StartOptions } from './start-options.ts'

/** Asks PAM where it is needed; jobs of pods have their images'. */
const systemPython = 'python3'
const longestSetUpMs = 3_600_000
const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const

/** The set-up was told to stop, by ctrl-C or a service manager. */
export class SetUpStopped extends Error {
  override readonly name = 'SetUpStopped'
  readonly exitCode: number

  constructor(signal: keyof typeof exitCodes) {
    super('Stopped before everything was set up. Start again: it goes on from there.')
    this.exitCode = exitCodes[signal]
  }
}

/**
 * Makes the default environment unless it is there, showing what is done. Answers the Python that runs the node agent. Throws
 * `SetUpStopped` at ctrl-C, with nothing left that a next start could not use. Where nothing would run in it, none is made.
 */
export async function ensureEnvironment(start: StartOptions, log: Logger): Promise<string> {
  const { driver } = start.config.scheduler
  const runsServices = start.config.services.some(({ command }) => command !== undefined)
  if (driver === 'kubernetes' && !runsServices) return systemPython
  const prefix = start.platformPrefix
  const stop = new AbortController()
  const onInterrupt = () => stop.abort(new SetUpStopped('SIGINT'))
  const onTerminate = () => stop.abort(new SetUpStopped('SIGTERM'))
  process.once('SIGINT', onInterrupt).once('SIGTERM', onTerminate)
  const progress = createSetUpProgress({ prefix, write: (line) => console.log(line) })
  try {
    const { python } = await ensureDefaultEnvironment({
      prefix,
      requirements: start.requirements,
      ...(driver === 'local' ? {} : { forOthers: true }),
      onProgress: (step) => {
        if (!start.json) progress.show(step)
      },
      signal: AbortSignal.any([stop.signal, AbortSignal.timeout(longestSetUpMs)]),
      log,
    })
    return python
  } finally {
    progress.close()
    process.off('SIGINT', onInterrupt).off('SIGTERM', onTerminate)
  }
}
