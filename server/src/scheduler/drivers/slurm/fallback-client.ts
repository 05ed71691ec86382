import { isPlatformError } from '@atrium/contract/errors.ts'
import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'
import { RestFailure } from './rest-failure.ts'
import type { SlurmClient } from './slurm-client.ts'

interface FallbackOptions {
  rest: SlurmClient
  commands: SlurmClient
  clock: Clock
  log: Logger
  /** After a failure REST is left alone so long. */
  pauseMs?: number
}

const defaultPauseMs = 30_000

/**
 * Slurm by REST, and by commands while REST cannot be asked. A submission is repeated by the other way only when the first surely has not
 * arrived; else it throws `scheduler_unavailable`, and the scheduler looks for the job in the queue before it submits again.
 */
export function createFallbackClient(options: FallbackOptions): SlurmClient {
  const { rest, commands, clock, log, pauseMs = defaultPauseMs } = options
  let restAfterMs = Number.NEGATIVE_INFINITY
  let isAway = false

  async function choose<T>(
    call: (client: SlurmClient) => Promise<T>,
    { isRepeatable = true }: { isRepeatable?: boolean } = {},
  ): Promise<T> {
    if (clock.monotonic() < restAfterMs) {
      try {
        return await call(commands)
      } catch (error) {
        // Nor can they be asked, where Slurm's commands or the helper are not installed.
        if (!isRepeatable || !isPlatformError(error, 'scheduler_unavailable')) throw error
      }
    }
    try {
      return await askRest(call)
    } catch (error) {
      if (!(error instanceof RestFailure) || (!isRepeatable && error.mayHaveArrived)) throw error
    }
    return await call(commands)
  }

  async function askRest<T>(call: (client: SlurmClient) => Promise<T>): Promise<T> {
    try {
      const answer = await call(rest)
      if (isAway) log.info({}, "Slurm's REST service answers again")
      isAway = false
      restAfterMs = Number.NEGATIVE_INFINITY
      return answer
    } catch (error) {
      if (!(error instanceof RestFailure) || error.isForThisOnly) throw error
      if (!isAway) {
        log.warn({ err: error }, "Slurm's REST service cannot be asked: the commands are used meanwhile")
      }
      isAway = true
      restAfterMs = clock.monotonic() + pauseMs
      throw error
    }
  }

  return {
    version: (waiting) => choose((client) => client.version(waiting)),
    submit: (submission, waiting) =>
      choose((client) => client.submit(submission, waiting), { isRepeatable: false }),
    listJobs: (waiting) => choose((client) => client.listJobs(waiting)),
    listEnded: (refs, waiting) => choose((client) => client.listEnded(refs, waiting)),
    cancel: (owner, refs, waiting) => choose((client) => client.cancel(owner, refs, waiting)),
    listNodes: (waiting) => choose((client) => client.listNodes(waiting)),
    async limits(waiting) {
      try {
        return await commands.limits(waiting)
      } catch (error) {
        // slurmrestd does not tell them; that is an answer, too.
        if (isPlatformError(error, 'scheduler_unavailable')) return await rest.limits(waiting)
        throw error
      }
    },
  }
}
