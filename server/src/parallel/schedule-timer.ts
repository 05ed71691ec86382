import { isPlatformError } from '@atrium/contract/errors.ts'

import { systemActor } from '#observe/audit.ts'
import type { Logger } from '#platform/log.ts'
import { startWorkLoop } from '#scheduler/reconcile/work-loop.ts'
import type { LeaderPart, Term } from '#store/leadership.ts'
import type { StoreTransaction } from '#store/store.ts'

import { findOverlap, planFiring, type ScheduleFiringOptions, writeFiring } from './schedule-firing.ts'
import { findNextTime, listDueSchedules, type ScheduleRecord } from './schedule-records.ts'
import { listTimes } from './schedule-times.ts'

interface ScheduleTimerOptions extends ScheduleFiringOptions {
  log: Logger
}

/** Looks again after so long whatever the next time says: the machine's clock may have been set. */
const longestSleepMs = 30_000
const retryMs = 5000
const atOnce = 100

/**
 * The work of the leader: runs what is due. A time that came while nobody led is made up for once, however many came; the times after it
 * are counted from now.
 */
export function createScheduleTimer(options: ScheduleTimerOptions): LeaderPart {
  return async (term) => {
    const { store, clock, log } = options
    const loop = startWorkLoop({
      clock,
      signal: term.signal,
      async step() {
        try {
          if (!(await runDue(options, term))) return retryMs
          // With more due than were looked at, this is in the past.
          const nextMs = await findNextTime(store.db)
          return Math.max(0, Math.min(longestSleepMs, (nextMs ?? Number.POSITIVE_INFINITY) - clock.now()))
        } catch (error) {
          if (!term.signal.aborted) log.warn({ err: error }, 'schedules could not be looked after')
          return retryMs
        }
      },
    })
    const stopListening = store.onChange((changes) => {
      if (changes.some(({ topic }) => topic === 'schedule')) loop.wake()
    })
    await loop.done
    stopListening()
  }
}

/** False: some could not be looked at for now. */
async function runDue(options: ScheduleTimerOptions, term: Term): Promise<boolean> {
  const { store, clock, log } = options
  const due = await listDueSchedules(store.db, { nowMs: clock.now(), limit: atOnce })
  let isDone = true
  for (const schedule of due) {
    if (term.signal.aborted) return true
    try {
      await fire(options, term, schedule)
    } catch (error) {
      // The trouble of one keeps no other from its time.
      isDone = false
      if (!term.signal.aborted) log.warn({ err: error, schedule: schedule.id }, 'a schedule could not be run')
    }
  }
  return isDone
}

/** Runs it, or writes down why not; its next time is set in either case, in the same transaction. Throws for trouble that passes. */
async function fire(options: ScheduleTimerOptions, term: Term, schedule: ScheduleRecord): Promise<void> {
  const running = await findOverlap(options, schedule)
  if (running !== undefined) {
    await skip(options, term, schedule, `Run ${running} had not ended.`)
    return
  }
  try {
    const planned = await planFiring(options, schedule, systemActor)
    await moveOn(options, term, schedule, (tx) => writeFiring(tx, options, schedule, planned))
  } catch (error) {
    if (!isPlatformError(error) || error.status >= firstServerError) throw error
    await skip(options, term, schedule, error.message)
  }
}

const firstServerError = 500

async function skip(
  options: ScheduleTimerOptions,
  term: Term,
  schedule: ScheduleRecord,
  why: string,
): Promise<void> {
  options.log.info({ schedule: schedule.id, why }, 'a schedule was due, and nothing was run')
  await moveOn(options, term, schedule, async (tx) => {
    await tx.db.updateTable('schedules').set({ last_message: why }).where('id', '=', schedule.id).execute()
    tx.changed('schedule', String(schedule.id))
  })
}

/** Sets the next time and does `work` with it, unless somebody has set another meanwhile. */
async function moveOn(
  { store, clock }: ScheduleTimerOptions,
  { lease }: Term,
  schedule: ScheduleRecord,
  work: (tx: StoreTransaction) => Promise<unknown>,
): Promise<void> {
  await store.transaction(async (tx) => {
    await store.assertLease(tx, lease)
    const [nextMs] = listTimes(schedule.request, clock.now(), 1)
    const { numUpdatedRows } = await tx.db
      .updateTable('schedules')
      .set({ next_at: nextMs ?? null })
      .where('id', '=', schedule.id)
      .where('next_at', '=', schedule.nextAtMs)
      .executeTakeFirst()
    if (numUpdatedRows > 0n) await work(tx)
  })
}
