import { hasEnded } from '@atrium/contract/jobs.ts'

import type { SealedBox } from '#platform/sealed-box.ts'
import type { Store } from '#store/store.ts'
import type { JobSpec } from './job.ts'
import { buildAttemptKey, parseAttemptKey } from './job-key.ts'
import type { LaunchSource } from './job-placement.ts'
import type { Job } from './job-record.ts'
import { openSecrets } from './job-secrets.ts'
import { createJobStore } from './job-store.ts'

/**
 * What a scheduler sees of a job: the present attempt's key, and the secrets in their place. Undefined when they cannot be read any more.
 * `sealed`: as they are stored; undefined for a job that has none.
 */
export function buildLaunch(job: Job, sealed: string | undefined, box: SealedBox): JobSpec | undefined {
  const secrets = sealed === undefined ? {} : openSecrets(box, sealed)
  if (secrets === undefined) return undefined
  const key = buildAttemptKey(job.key, job.attempts)
  return { ...job.spec, key, environment: { ...job.spec.environment, ...secrets } }
}

/** Reads what jobs are to run from the store. */
export function createLaunchSource({ store, box }: { store: Store; box: SealedBox }): LaunchSource {
  const jobs = createJobStore(store)
  return {
    async findLaunch(attemptKey) {
      const parsed = parseAttemptKey(attemptKey)
      if (parsed === undefined) return undefined
      const job = (await jobs.find([parsed.key])).get(parsed.key)
      if (job === undefined || !isWantedNow(job, parsed.attempt)) return undefined
      const sealed = (await jobs.readSecrets([job.key])).get(job.key)
      return buildLaunch(job, sealed, box)
    },
  }
}

/** A job that went back into the queue is not: its next start has another number. */
function isWantedNow(job: Job, attempt: number): boolean {
  return job.desired === 'run' && job.attempts === attempt && job.state !== 'queued' && !hasEnded(job.state)
}
