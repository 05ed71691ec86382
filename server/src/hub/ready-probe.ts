import type { ReadyProbe } from '#scheduler/jobs.ts'

import { askServer } from './ask-server.ts'
import type { EdgePublisher } from './edge-publisher.ts'

/** From this status on a program says that it cannot answer yet. */
const firstServerError = 500

/**
 * Ready is what a person can open: the job answers by its rule, and where it has a route through the edge, that is live. So nobody is ever
 * sent to a server that is not there yet.
 */
export function createReadyProbe({
  publisher,
  timeoutMs,
}: {
  publisher: Pick<EdgePublisher, 'ensureLive'>
  timeoutMs: number
}): ReadyProbe {
  return async (job, endpoint, { signal }) => {
    const { ready } = job.policy
    if (ready === undefined) return true
    const question = { endpoint, port: ready.port, path: ready.path }
    const { status } = await askServer({
      ...question,
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    })
    if (status === 0 || status >= firstServerError) return false
    await publisher.ensureLive(job, endpoint)
    return true
  }
}
