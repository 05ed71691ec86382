import { PlatformError } from '@atrium/contract/errors.ts'
import type { RunRequest } from '@atrium/contract/runs-api.ts'

import type { JobResources } from '#scheduler/job.ts'
import type { JobProfile } from '#scheduler/job-profile.ts'

/**
 * What each task of a run gets. The request's word counts, for more as for less: quotas are the limit. What it does not say is as in the
 * profile; only several tasks without a profile of their own choice get one core each, and the memory that the profile has for a core, or
 * `-n 8` would be eight notebook servers.
 */
export function planResources(profile: JobProfile, request: RunRequest): JobResources {
  const { tasks = 1 } = request
  const given = tasks > 1 && request.profile === undefined ? divide(profile.resources) : profile.resources
  return {
    ...given,
    ...(request.cpu === undefined ? {} : { cpu: request.cpu }),
    ...(request.memoryBytes === undefined ? {} : { memoryBytes: request.memoryBytes }),
    ...(request.gpu === undefined ? {} : { gpu: request.gpu }),
  }
}

/** A share for one core. */
function divide({ cpu = 1, memoryBytes, exclusive }: JobResources): JobResources {
  return {
    cpu: Math.min(1, cpu),
    ...(memoryBytes === undefined ? {} : { memoryBytes: Math.ceil(memoryBytes / Math.max(1, cpu)) }),
    ...(exclusive === undefined ? {} : { exclusive }),
  }
}

/** Undefined: none. Throws `bad_request` when more is asked for than the profile gives. */
export function planTimeLimit(
  profile: JobProfile,
  { timeLimitMs }: Pick<RunRequest, 'timeLimitMs'>,
): number | undefined {
  const most = profile.timeLimitMs
  if (timeLimitMs === undefined) return most
  if (most === undefined || timeLimitMs <= most) return timeLimitMs
  throw new PlatformError('bad_request', {
    message: `Jobs of the profile "${profile.name}" end after ${Math.floor(most / 60_000)} minutes: the time limit cannot be longer.`,
  })
}
