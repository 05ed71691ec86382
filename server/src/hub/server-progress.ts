import { PlatformError } from '@atrium/contract/errors.ts'
import type { HubProgress } from '@atrium/contract/hub-models.ts'
import { hasEnded } from '@atrium/contract/jobs.ts'

import type { Job } from '#scheduler/job-record.ts'
import type { Jobs } from '#scheduler/jobs.ts'

import { buildFailedEvent, buildProgressEvent, buildReadyEvent, requestedEvent } from './progress-event.ts'
import { describeServer } from './server-paths.ts'
import { buildServerPhase, hasFailedStart } from './server-phase.ts'
import type { ServerName } from './server-records.ts'

/** What a server's progress can be read of. */
export interface ProgressSubject extends ServerName {
  jobKey: string | null
}

/**
 * The progress of a server's start, from its first line to the ready or failed one: all lines for who comes late, the last one alone when
 * the start is over. Every replica can answer. Throws `bad_request` (JupyterHub's words) when the server neither starts nor runs.
 */
export async function followProgress(
  jobs: Pick<Jobs, 'find' | 'events' | 'waitFor'>,
  subject: ProgressSubject,
  signal: AbortSignal,
): Promise<AsyncIterable<HubProgress>> {
  const job = subject.jobKey === null ? undefined : await jobs.find(subject.jobKey)
  const { ready, pending } = buildServerPhase(job)
  if (ready) return once(buildReadyEvent(subject.user, subject.server))
  if (job !== undefined && hasFailedStart(job)) return once(buildFailedEvent(job))
  if (job === undefined || pending !== 'spawn') {
    throw new PlatformError('bad_request', {
      message: `${describeServer(subject.user, subject.server)} is not starting...`,
    })
  }
  return followStart(jobs, job, subject, signal)
}

async function* followStart(
  jobs: Pick<Jobs, 'events' | 'waitFor'>,
  job: Job,
  { user, server }: ServerName,
  signal: AbortSignal,
): AsyncGenerator<HubProgress> {
  yield requestedEvent
  let reached = 0
  let isFirst = true
  for await (const event of jobs.events(job.key, { signal })) {
    // A job's first event says that it was requested, once more.
    const isSaid = isFirst || event.kind === 'ready' || event.kind === 'failed'
    isFirst = false
    if (isSaid) continue
    const line = buildProgressEvent(event, reached)
    reached = line.progress
    yield line
  }
  const outcome = await jobs.waitFor(job.key, isDecided, { signal })
  yield buildServerPhase(outcome).ready ? buildReadyEvent(user, server) : buildFailedEvent(outcome)
}

function isDecided(job: Job): boolean {
  return hasEnded(job.state) || job.readyAtMs !== undefined
}

async function* once(event: HubProgress): AsyncGenerator<HubProgress> {
  yield event
}
