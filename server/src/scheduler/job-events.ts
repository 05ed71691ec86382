import { PlatformError } from '@atrium/contract/errors.ts'
import { hasEnded } from '@atrium/contract/jobs.ts'

import type { Store, StoreTransaction } from '#store/store.ts'
import type { JobKey } from './job.ts'
import type { Job, JobEvent } from './job-record.ts'
import { withoutNuls } from './job-rows.ts'
import type { JobStore } from './job-store.ts'
import { splitKeys } from './job-store.ts'

/** A line to add to a job's progress. */
export type NewJobEvent = Omit<JobEvent, 'id' | 'atMs'>

const pageSize = 500

/** Adds lines of progress; several for one job stay in order. */
export async function insertJobEvents(
  tx: StoreTransaction,
  atMs: number,
  events: readonly { key: JobKey; event: NewJobEvent }[],
): Promise<void> {
  const rows = events.map(({ key, event }) => ({
    job_key: key,
    at: atMs,
    kind: event.kind,
    message: withoutNuls(event.message),
    html_message: event.htmlMessage ?? null,
    progress: event.progress ?? null,
  }))
  for (const part of splitKeys(rows)) await tx.db.insertInto('job_events').values(part).execute()
  for (const { key } of events) tx.changed('job-event', key)
}

/** The lines after `afterId`, oldest first, at most a page. */
export async function listJobEvents(
  store: Store,
  key: JobKey,
  afterId: number,
): Promise<readonly JobEvent[]> {
  const rows = await store.db
    .selectFrom('job_events')
    .select(['id', 'at', 'kind', 'message', 'html_message', 'progress'])
    .where('job_key', '=', key)
    .where('id', '>', afterId)
    .orderBy('id')
    .limit(pageSize)
    .execute()
  return rows.map(({ at, html_message, progress, ...row }) => ({
    ...row,
    atMs: at,
    ...(html_message === null ? {} : { htmlMessage: html_message }),
    ...(progress === null ? {} : { progress }),
  }))
}

/** Follows a job's lines until it is ready or has ended. */
export async function* followJobEvents(
  { store, jobs }: { store: Store; jobs: JobStore },
  key: JobKey,
  { afterId = 0, signal }: { afterId?: number; signal: AbortSignal },
): AsyncGenerator<JobEvent> {
  let lastId = afterId
  for await (const job of watchJob({ store, jobs }, key, { signal })) {
    // The record was read first: what was written with its end is there to be read now.
    for (let page = await listJobEvents(store, key, lastId); page.length > 0; ) {
      for (const event of page) {
        lastId = event.id
        yield event
      }
      page = await listJobEvents(store, key, lastId)
    }
    if (hasEnded(job.state) || job.readyAtMs !== undefined) return
  }
}

/**
 * The job's record now and whenever it or its progress changes, on any replica; states in between may be left out. Throws `not_found`
 * when there is no such job (any more), and what `signal` aborts with.
 */
export async function* watchJob(
  { store, jobs }: { store: Store; jobs: JobStore },
  key: JobKey,
  { signal }: { signal: AbortSignal },
): AsyncGenerator<Job> {
  let changed = Promise.withResolvers<void>()
  const stopListening = store.onChange((changes) => {
    if (changes.some((change) => isAbout(change, key))) changed.resolve()
  })
  const onAbort = () => changed.resolve()
  signal.addEventListener('abort', onAbort)
  try {
    for (;;) {
      signal.throwIfAborted()
      changed = Promise.withResolvers()
      const job = (await jobs.find([key])).get(key)
      if (job === undefined) throw new PlatformError('not_found', { message: 'There is no such job.' })
      yield job
      if (!signal.aborted) await changed.promise
    }
  } finally {
    stopListening()
    signal.removeEventListener('abort', onAbort)
  }
}

function isAbout(change: { topic: string; key: string }, key: JobKey): boolean {
  return (
    (change.topic === 'job' || change.topic === 'job-event') && (change.key === key || change.key === '*')
  )
}
