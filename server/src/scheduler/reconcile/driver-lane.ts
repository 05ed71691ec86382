import type { JobKey } from '#scheduler/job.ts'
import { parseAttemptKey } from '#scheduler/job-key.ts'
import { applyChange } from '#scheduler/job-rows.ts'
import type { Scheduler } from '#scheduler/scheduler.ts'
import { type Backoff, createBackoff } from './backoff.ts'
import { findReachedLimit, isRetryDue, type JobNotes, planNotes, updateNotes } from './job-notes.ts'
import { buildStop, buildUnsubmitted } from './job-transition.ts'
import { LaneAgenda } from './lane-agenda.ts'
import { observeJobs, type Watched } from './observe-jobs.ts'
import type { ReadyWatch } from './ready-watch.ts'
import {
  type Applied,
  applyTransitions,
  endsWork,
  isSchedulerTrouble,
  type ReconcileContext,
} from './reconcile-context.ts'
import { stopJobs } from './stop-jobs.ts'
import { submitJobs } from './submit-jobs.ts'
import { sweepOrphans } from './sweep-orphans.ts'
import { buildTimeWarning } from './time-left.ts'
import { startWorkLoop, type WorkLoop } from './work-loop.ts'

/** Keeps the jobs of one scheduler as they are wanted. */
export interface DriverLane {
  /** Takes these jobs over from the queue, soon. */
  takeOver(keys: readonly JobKey[]): void
  /** Something else is wanted of these (`*`: of any): looks at those in its hands, soon. New ones come by way of the queue, in its order. */
  notice(keys: readonly JobKey[]): void
  readonly done: Promise<void>
}

export interface DriverLaneOptions {
  scheduler: Scheduler
  readyWatch: ReadyWatch
  /** Shares of quotas were given back. */
  onFreed(): void
  /** Something other than the scheduler failed: answers how many milliseconds to leave it alone. */
  onError(error: unknown): number
}

/** Starts the loop of one driver; it ends with `context.signal`. A slow or silent scheduler holds up nobody else's lane. */
export function startDriverLane(context: ReconcileContext, options: DriverLaneOptions): DriverLane {
  const lane = new Lane(context, options)
  const loop = startWorkLoop({ clock: context.clock, signal: context.signal, step: () => lane.step() })
  lane.listen(loop)
  const tended = options.scheduler.tend?.({ signal: context.signal })
  return {
    takeOver(keys) {
      lane.agenda.add(keys)
      loop.wake()
    },
    notice(keys) {
      lane.agenda.notice(keys)
      loop.wake()
    },
    done: Promise.all([loop.done, tended]).then(() => {}),
  }
}

class Lane {
  readonly agenda: LaneAgenda
  readonly #context: ReconcileContext
  readonly #options: DriverLaneOptions
  readonly #notes = new Map<JobKey, JobNotes>()
  readonly #trouble: Backoff
  /** Times on the monotonic clock. Before this one the scheduler is left alone, unless it speaks up itself. */
  #notBeforeMs = 0
  #silentSinceMs: number | undefined
  #capabilities: { hasHints: boolean; hasOwnLimits: boolean } | undefined

  constructor(context: ReconcileContext, options: DriverLaneOptions) {
    this.#context = context
    this.#options = options
    this.#trouble = createBackoff({ ...context.settings.schedulerBackoff, random: context.random })
    this.agenda = new LaneAgenda(this.#notes, context.clock, context.settings)
  }

  /** Takes the driver's hints as a reason to look, and as a sign of life. */
  listen(loop: WorkLoop): void {
    const unlisten = this.#options.scheduler.onChange((attemptKeys) => {
      const keys = attemptKeys.flatMap((attemptKey) => parseAttemptKey(attemptKey)?.key ?? [])
      if (!keys.some((key) => this.#notes.has(key))) return
      this.#notBeforeMs = 0
      this.agenda.notice(keys)
      loop.wake()
    })
    this.#context.signal.addEventListener('abort', unlisten, { once: true })
  }

  /** Does what there is to do; answers after how many milliseconds to do so again if nothing happens. */
  async step(): Promise<number> {
    const waitMs = this.#notBeforeMs - this.#nowMs
    if (waitMs > 0) return waitMs
    try {
      const trouble = await this.#reconcile(this.agenda.take())
      return trouble === undefined ? this.#rest() : await this.#retreat(trouble)
    } catch (error) {
      this.agenda.addAll()
      const delayMs = this.#context.signal.aborted ? 0 : this.#options.onError(error)
      this.#notBeforeMs = this.#nowMs + delayMs
      return delayMs
    }
  }

  get #nowMs(): number {
    return this.#context.clock.monotonic()
  }

  /**
   * Brings the scheduler closer to what is wanted; answers the error when the scheduler was in no state to. A step that fails for another
   * reason does not keep the next from being done; its error is thrown in the end.
   */
  async #reconcile(wanted: readonly JobKey[] | 'all'): Promise<unknown> {
    const watched = await this.#load(wanted)
    let trouble: unknown
    const failures: unknown[] = []
    const attempt = async (step: () => Promise<unknown>) => {
      try {
        const said = await step()
        trouble ??= said
      } catch (error) {
        if (isSchedulerTrouble(error)) trouble ??= error
        else if (endsWork(error)) throw error
        else failures.push(error)
      }
    }
    await attempt(() => this.#introduce())
    if (trouble === undefined) await attempt(() => this.#submit(watched))
    if (trouble === undefined) await attempt(() => this.#stop(watched))
    // Even of a scheduler that is in trouble: its jobs are `unknown` then.
    await attempt(() => this.#observe(watched))
    if (trouble === undefined) await attempt(() => this.#sweep())
    if (failures.length > 0) throw failures[0]
    return trouble
  }

  async #introduce(): Promise<void> {
    if (this.#capabilities !== undefined) return
    const found = await this.#options.scheduler.capabilities({ signal: this.#context.callSignal() })
    this.#capabilities = { hasHints: found.hints, hasOwnLimits: found.timeLimitStepMs !== undefined }
  }

  /** Reads records, brings the notes up to them, and drops those of jobs that are not active any more. */
  async #load(wanted: readonly JobKey[] | 'all'): Promise<Watched[]> {
    if (wanted !== 'all' && wanted.length === 0) return []
    const { jobs } = this.#context
    const found = await jobs.listActive(this.#options.scheduler.driver, wanted === 'all' ? undefined : wanted)
    const active = new Set(found.map((job) => job.key))
    for (const key of wanted === 'all' ? this.#notes.keys() : wanted) if (!active.has(key)) this.#drop(key)
    return found.map((job) => ({ job, notes: this.#note(job) }))
  }

  #note(job: Watched['job']): JobNotes {
    const { clock, settings } = this.#context
    const notes = updateNotes(this.#notes.get(job.key), job, clock)
    planNotes(notes, job, { settings, clock, hasOwnLimits: this.#capabilities?.hasOwnLimits ?? false })
    this.#notes.set(job.key, notes)
    const isAsked = job.state === 'starting' && job.endpoint !== undefined && job.policy.ready !== undefined
    if (isAsked) this.#options.readyWatch.watch(job)
    else this.#options.readyWatch.drop(job.key)
    return notes
  }

  #drop(key: JobKey): void {
    this.#notes.delete(key)
    this.#options.readyWatch.drop(key)
  }

  async #submit(watched: readonly Watched[]): Promise<void> {
    const due = watched.filter(
      ({ job, notes }) =>
        job.handle === undefined && job.desired === 'run' && isRetryDue(notes, this.#context.clock),
    )
    if (due.length === 0) return
    this.agenda.noteNews(true)
    const applied = await submitJobs(
      this.#context,
      this.#options.scheduler,
      due.map(({ job }) => job),
    )
    this.#digest(applied)
  }

  async #stop(watched: readonly Watched[]): Promise<void> {
    const { settings, clock } = this.#context
    const unwanted = watched.filter(({ job }) => job.desired === 'stop')
    if (unwanted.length === 0) return
    this.agenda.noteNews(true)
    const applied = await stopJobs(this.#context, this.#options.scheduler, unwanted)
    for (const { job, notes } of unwanted) planNotes(notes, job, { settings, clock, hasOwnLimits: false })
    this.#digest(applied)
    // Those that were found on the scheduler are cancelled next.
    this.agenda.add(applied.flatMap(({ job, transition }) => (transition.change.handle ? [job.key] : [])))
  }

  /** Looks at what the scheduler has; answers why it could not. */
  async #observe(watched: readonly Watched[]): Promise<unknown> {
    const submitted = watched.filter(({ job }) => job.handle !== undefined)
    if (submitted.length === 0) return undefined
    const { applied, why } = await observeJobs(this.#context, this.#options.scheduler, submitted)
    this.#digest(applied)
    this.agenda.noteNews(applied.length > 0)
    await this.#enforceLimits(submitted)
    await this.#warnOfTime(submitted)
    return why
  }

  /** Owners are told in time that their job's time is nearly over. */
  async #warnOfTime(watched: readonly Watched[]): Promise<void> {
    const { clock } = this.#context
    const due = watched.filter(({ job }) => buildTimeWarning(job, clock.now()) !== undefined)
    if (due.length === 0) return
    const keys = due.map(({ job }) => job.key)
    this.#digest(await applyTransitions(this.#context, keys, (job) => buildTimeWarning(job, clock.now())))
  }

  async #enforceLimits(watched: readonly Watched[]): Promise<void> {
    const { clock } = this.#context
    const hasOwnLimits = this.#capabilities?.hasOwnLimits ?? false
    const reached = new Map(
      watched.flatMap(({ job, notes }) => {
        const limit = findReachedLimit(notes, job, clock, hasOwnLimits)
        return limit === undefined ? [] : [[job.key, limit] as const]
      }),
    )
    if (reached.size === 0) return
    const applied = await applyTransitions(this.#context, [...reached.keys()], (job) => {
      const limit = reached.get(job.key)
      if (limit === undefined || job.desired === 'stop') return undefined
      if (limit.reason === 'not_ready_in_time' && job.readyAtMs !== undefined) return undefined
      return buildStop(job, clock.now(), limit.reason, limit.message)
    })
    this.#digest(applied)
    this.agenda.add(applied.map(({ job }) => job.key))
  }

  async #sweep(): Promise<void> {
    if (!this.agenda.isSweepDue) return
    await sweepOrphans(this.#context, this.#options.scheduler)
    this.agenda.sweepDone()
  }

  /** Remembers what was just recorded. */
  #digest(applied: readonly Applied[]): void {
    for (const { job, transition } of applied) {
      const next = applyChange(job, transition.change)
      if (next.endedAtMs !== undefined || next.state === 'queued') this.#drop(job.key)
      else this.#note(next)
    }
    if (applied.some(({ transition }) => transition.givesBack)) this.#options.onFreed()
  }

  /** All is well: when to look again. */
  #rest(): number {
    const { log } = this.#context
    if (this.#trouble.failures > 0) {
      log.info({ driver: this.#options.scheduler.driver }, 'the scheduler answers again')
    }
    this.#trouble.reset()
    this.#silentSinceMs = undefined
    return this.agenda.plan(this.#capabilities?.hasHints ?? false)
  }

  /** The scheduler does not answer: everything is looked at again after a pause. */
  async #retreat(trouble: unknown): Promise<number> {
    const { log, settings } = this.#context
    const { driver } = this.#options.scheduler
    if (this.#trouble.failures === 0) log.warn({ driver, err: trouble }, 'the scheduler does not answer')
    this.#silentSinceMs ??= this.#nowMs
    const delayMs = this.#trouble.next()
    this.agenda.addAll()
    this.#notBeforeMs = this.#nowMs + delayMs
    if (this.#nowMs - this.#silentSinceMs >= settings.unknownAfterMs) {
      const waiting = [...this.#notes].flatMap(([key, notes]) => (notes.isSubmitted ? [] : [key]))
      this.#digest(await applyTransitions(this.#context, waiting, buildUnsubmitted))
    }
    return delayMs
  }
}
