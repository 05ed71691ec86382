import type { JobKey } from '#scheduler/job.ts'
import type { Job, ReadyProbe } from '#scheduler/job-record.ts'
import { createBackoff } from './backoff.ts'
import { buildReady } from './job-transition.ts'
import { applyTransitions, isStoreTrouble, type ReconcileContext } from './reconcile-context.ts'

const shortestPauseMs = 10
const longestPauseMs = 250
/** Pauses grow with the time already waited: what takes long need not be seen to the millisecond. */
const pauseShare = 0.08
/** More probes than this at a time take turns. */
const crowd = 8
const probeTimeoutMs = 2000

/** Asks jobs that have started whether they answer, and records when they do. */
export interface ReadyWatch {
  /** Begins to ask, unless it is asking already. */
  watch(job: Job): void
  /** Stops asking. */
  drop(key: JobKey): void
}

export function createReadyWatch(context: ReconcileContext, isReady: ReadyProbe): ReadyWatch {
  const watched = new Map<JobKey, { attempt: number; life: AbortController }>()
  const recorder = createReadyRecorder(context)

  const drop = (key: JobKey) => {
    watched.get(key)?.life.abort()
    watched.delete(key)
  }

  const probe = async (job: Job, signal: AbortSignal): Promise<boolean> => {
    const { endpoint } = job
    if (endpoint === undefined) return false
    const limit = AbortSignal.any([signal, AbortSignal.timeout(probeTimeoutMs)])
    // A refused connection is an answer like any other: not yet.
    return isReady(job, endpoint, { signal: limit }).catch(() => false)
  }

  const ask = async (job: Job, signal: AbortSignal) => {
    const { clock } = context
    const since = clock.monotonic()
    while (!signal.aborted) {
      if (await probe(job, signal)) {
        drop(job.key)
        if (!signal.aborted || !context.signal.aborted) recorder.record(job)
        return
      }
      const pauseMs = choosePause(clock.monotonic() - since, watched.size)
      await clock.sleep(pauseMs, { signal }).catch(() => {})
    }
  }

  return {
    drop,
    watch(job) {
      const known = watched.get(job.key)
      if (known?.attempt === job.attempts || context.signal.aborted) return
      drop(job.key)
      const life = new AbortController()
      watched.set(job.key, { attempt: job.attempts, life })
      void ask(job, AbortSignal.any([life.signal, context.signal]))
    },
  }
}

/** How long until the next probe of a job that has been asked for `elapsedMs`, beside `count` others. */
export function choosePause(elapsedMs: number, count: number): number {
  const turns = Math.max(1, count / crowd)
  const pauseMs = Math.max(shortestPauseMs, elapsedMs * pauseShare) * turns
  return Math.min(longestPauseMs, pauseMs)
}

/** Records jobs that answered; those of one turn of the event loop together, and again until the store takes it. */
function createReadyRecorder(context: ReconcileContext): { record(job: Job): void } {
  const { clock, log, settings, signal } = context
  const backoff = createBackoff({ ...settings.storeBackoff, random: context.random })
  let answered = new Map<JobKey, number>()
  let isPlanned = false

  const flush = async () => {
    isPlanned = false
    const attempts = answered
    answered = new Map()
    try {
      await context.reach('before-store-ready')
      await applyTransitions(context, [...attempts.keys()], (job) =>
        job.attempts === attempts.get(job.key) ? buildReady(job, clock.now()) : undefined,
      )
      backoff.reset()
    } catch (error) {
      if (!isStoreTrouble(error)) {
        // A lost lease: the next leader asks for itself.
        log.info({ err: error }, 'readiness not recorded')
        return
      }
      log.error({ err: error }, 'readiness not recorded, trying again')
      for (const [key, attempt] of attempts) answered.set(key, attempt)
      await clock.sleep(backoff.next(), { signal }).catch(() => {})
      if (!signal.aborted) plan()
    }
  }

  const plan = () => {
    if (isPlanned) return
    isPlanned = true
    setImmediate(() => void flush())
  }

  return {
    record(job) {
      answered.set(job.key, job.attempts)
      plan()
    },
  }
}
