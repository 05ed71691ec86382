import { type PlatformStatus, statusSchema } from '@atrium/contract/status-api.ts'

import { defineRoute, type Route } from '#http/define-route.ts'
import { listReplicas, readPlatformCounts } from '#observe/platform-counts.ts'
import type { Clock } from '#platform/clock.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import type { Store } from '#store/store.ts'

export interface StatusRoutesOptions {
  store: Store
  jobs: Pick<Jobs, 'capabilities'>
  clock: Clock
  version: string
  startedAtMs: number
  /** Where browsers reach the platform. */
  publicUrl: string
  /** The default scheduler's. */
  driver: string
  /** The lease whose holder reconciles. */
  leaseName: string
}

/** A replica that was silent for longer has ended. */
const forgottenAfterMs = 60_000
/** A scheduler that takes longer to say what it can do does not answer. */
const answerMs = 2_000

/** How the platform is: what `atrium status` shows. */
export function createStatusRoutes(options: StatusRoutesOptions): Route[] {
  const { store, clock, version, startedAtMs, publicUrl, leaseName } = options
  return [
    defineRoute({
      method: 'GET',
      path: '/api/v1/status',
      summary: 'How the platform is.',
      tag: 'platform',
      authentication: 'token-or-session',
      access: { anyOf: ['read:hub'], on: 'platform' },
      schemas: { responses: { 200: statusSchema } },
      async handler({ signal }) {
        const nowMs = clock.now()
        return {
          version,
          startedAtMs,
          publicUrl,
          store: { kind: store.kind },
          scheduler: await describeScheduler(options, signal),
          replicas: await listReplicas(store.db, { leaseName, nowMs, sinceMs: nowMs - forgottenAfterMs }),
          counts: await readPlatformCounts(store.db),
        }
      },
    }),
  ]
}

async function describeScheduler(
  { jobs, driver }: StatusRoutesOptions,
  signal: AbortSignal,
): Promise<PlatformStatus['scheduler']> {
  try {
    const { limits, warmStart, owners } = await jobs.capabilities({
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerMs)]),
    })
    return { driver, answers: true, limits, warmStart, owners }
  } catch {
    const limits = { cpu: false, memory: false, why: 'The scheduler does not answer.' }
    return { driver, answers: false, limits, warmStart: false, owners: false }
  }
}
