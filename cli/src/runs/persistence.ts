import { setTimeout as sleep } from 'node:timers/promises'

import { CliError } from '#output.ts'

const firstPauseMs = 100
const longestPauseMs = 2000
/** Below it an answer says that asking again is of no use. */
const firstServerError = 500

/** Told once when the platform falls silent, and once when it answers again. */
export interface Persistence {
  /** Does `work` until it succeeds, however long the platform is away. Throws when it answers with a refusal, or `signal` aborts. */
  keepTrying<T>(work: () => Promise<T>): Promise<T>
}

/** For what follows a run: it goes on whether anybody listens or not, so a platform that is away is waited for. */
export function createPersistence(notify: (message: string) => void, signal: AbortSignal): Persistence {
  let isAway = false
  return {
    async keepTrying(work) {
      for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(longestPauseMs, pauseMs * 2)) {
        try {
          const value = await work()
          if (isAway) notify('The platform answers again.')
          isAway = false
          return value
        } catch (error) {
          if (signal.aborted || isRefusal(error)) throw error
          // The first silence is often the end of one connection alone.
          if (!isAway && pauseMs > firstPauseMs) {
            isAway = true
            notify('The platform does not answer. The run goes on; waiting for it.')
          }
          await sleep(pauseMs, undefined, { signal })
        }
      }
    },
  }
}

function isRefusal(error: unknown): boolean {
  if (!(error instanceof CliError)) return !(error instanceof Error && 'code' in error)
  return error.status !== undefined && error.status < firstServerError
}
