import { probeHttp } from '#scheduler/http-ready-probe.ts'
import type { ReadyProbe } from '#scheduler/jobs.ts'

import type { EdgePublisher } from './edge-publisher.ts'

/**
 * Ready is what a person can open: the job answers by its rule, and where it has a route through the edge, that is live. So nobody is ever
 * sent to a server that is not there yet.
 */
export function createReadyProbe(publisher: Pick<EdgePublisher, 'ensureLive'>): ReadyProbe {
  return async (job, endpoint, options) => {
    if (!(await probeHttp(job, endpoint, options))) return false
    await publisher.ensureLive(job, endpoint)
    return true
  }
}
