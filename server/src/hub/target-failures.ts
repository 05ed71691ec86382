import type { Edge } from '#edge/edge.ts'
import type { Logger } from '#platform/log.ts'
import type { LeaderPart } from '#store/leadership.ts'
import type { Store } from '#store/store.ts'

import type { ActiveServers } from './active-servers.ts'
import { buildRoutePrefix } from './server-paths.ts'

interface TargetFailuresOptions {
  edge: Pick<Edge, 'onTargetFailed'>
  store: Store
  active: ActiveServers
  log: Logger
}

/** The work of the leader: a server that refuses connections has its job looked at now, and not at the next tick. */
export function createTargetFailures({ edge, store, active, log }: TargetFailuresOptions): LeaderPart {
  const lookAt = async (prefix: string) => {
    const servers = await active.all()
    const server = servers.find(({ record }) => buildRoutePrefix(record.user, record.name) === prefix)
    // To the reconciler this says that something of the job needs its attention; it asks the scheduler.
    if (server !== undefined) await store.transaction(async (tx) => tx.changed('job-wanted', server.job.key))
  }
  return async ({ signal }) => {
    const stop = edge.onTargetFailed(({ prefix }) => {
      lookAt(prefix).catch((error: unknown) =>
        log.warn({ err: error }, 'a failing server could not be looked at'),
      )
    })
    await untilAborted(signal)
    stop()
  }
}

/** Resolves when `signal` aborts. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
