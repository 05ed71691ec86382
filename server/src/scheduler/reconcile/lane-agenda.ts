import type { Clock } from '#platform/clock.ts'
import type { JobKey } from '#scheduler/job.ts'
import type { JobNotes } from './job-notes.ts'
import type { ReconcileSettings } from './reconcile-context.ts'
import { chooseTick, isChanging } from './tick.ts'

/** Which jobs a lane looks at next, and when. Times are on the monotonic clock. */
export class LaneAgenda {
  readonly #notes: ReadonlyMap<JobKey, JobNotes>
  readonly #clock: Clock
  readonly #settings: ReconcileSettings
  #wanted: Set<JobKey> | 'all' = 'all'
  /** What the present step looks at: a change of these must not be missed while their records are being read. */
  #inHand: ReadonlySet<JobKey> | 'all' = 'all'
  /** Looks in a row without news: asking gets slower. */
  #quietLooks = 0
  #nextLookMs = 0
  #nextSteadyMs = 0
  #nextSweepMs = 0

  constructor(notes: ReadonlyMap<JobKey, JobNotes>, clock: Clock, settings: ReconcileSettings) {
    this.#notes = notes
    this.#clock = clock
    this.#settings = settings
  }

  add(keys: readonly JobKey[]): void {
    if (this.#wanted !== 'all') for (const key of keys) this.#wanted.add(key)
  }

  addAll(): void {
    this.#wanted = 'all'
  }

  /** Adds those of the keys that the lane has to do with; `*` is any. */
  notice(keys: readonly JobKey[]): void {
    if (keys.includes('*')) this.addAll()
    else this.add(keys.filter((key) => this.#notes.has(key) || this.#isInHand(key)))
  }

  /** What was asked for, what is due, and what changes; everything now and then. */
  take(): readonly JobKey[] | 'all' {
    const nowMs = this.#clock.monotonic()
    const wanted = this.#wanted
    this.#wanted = new Set()
    if (wanted === 'all' || nowMs >= this.#nextSteadyMs) {
      this.#inHand = 'all'
      this.#nextSteadyMs = nowMs + this.#settings.steadyTickMs
      this.#nextLookMs = Number.POSITIVE_INFINITY
      return 'all'
    }
    this.#inHand = wanted
    const isLook = nowMs >= this.#nextLookMs
    if (isLook) this.#nextLookMs = Number.POSITIVE_INFINITY
    for (const [key, notes] of this.#notes) {
      const isDue = notes.dueMs !== undefined && notes.dueMs <= nowMs
      if (isDue || (isLook && isChanging(notes))) wanted.add(key)
    }
    return [...wanted]
  }

  /** Something was done or seen: the next looks come soon again. Without it they become rarer. */
  noteNews(isNews: boolean): void {
    this.#quietLooks = isNews ? 0 : this.#quietLooks + 1
  }

  /** True when the scheduler's list is to be searched for orphans; call `sweepDone` after that. */
  get isSweepDue(): boolean {
    return this.#clock.monotonic() >= this.#nextSweepMs
  }

  sweepDone(): void {
    this.#nextSweepMs = this.#clock.monotonic() + this.#settings.sweepMs
  }

  /** Milliseconds until the next step if nobody asks for one before. */
  plan(hasHints: boolean): number {
    this.#inHand = new Set()
    if (this.#wanted === 'all' || this.#wanted.size > 0) return 0
    const nowMs = this.#clock.monotonic()
    const options = { settings: this.#settings, hasHints, quietSteps: this.#quietLooks }
    // A look that is planned already is not put off by what happens to other jobs meanwhile.
    this.#nextLookMs = Math.min(this.#nextLookMs, nowMs + chooseTick(this.#notes.values(), options))
    let nextMs = Math.min(this.#nextLookMs, this.#nextSweepMs)
    if (this.#notes.size > 0) nextMs = Math.min(nextMs, this.#nextSteadyMs)
    for (const { dueMs } of this.#notes.values()) if (dueMs !== undefined) nextMs = Math.min(nextMs, dueMs)
    return Math.max(0, nextMs - nowMs)
  }

  #isInHand(key: JobKey): boolean {
    return this.#inHand === 'all' || this.#inHand.has(key)
  }
}
