import type { ReadyProbe } from '#scheduler/job-record.ts'

import { askServer } from './ask-server.ts'
import type { EdgePublisher } from './edge-publisher.ts'

/** From this status on a program says that it cannot answer yet. */
const firstServerError = 500

/**
 * Ready is what a person can open: the job answers by its rule (sign-in pages and redirects are answers), and where it has a route through
 * the edge, that is live. So nobody is ever sent to a server that is not there yet.
 */
export function createReadyProbe(publisher: Pick<EdgePublisher, 'ensureLive'>): ReadyProbe {
  return async (job, endpoint, { signal }) => {
    const { ready } = job.policy
    if (ready === undefined || endpoint.ports[ready.port] === undefined) return false
    const { status } = await askServer({ endpoint, port: ready.port, path: ready.path, signal })
    if (status === 0 || status >= firstServerError) return false
    await publisher.ensureLive(job, endpoint)
    return true
  }
}
