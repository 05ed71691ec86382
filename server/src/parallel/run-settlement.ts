import { sql } from 'kysely'

import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import { startWorkLoop } from '#scheduler/reconcile/work-loop.ts'
import type { LeaderPart, Term } from '#store/leadership.ts'
import type { Store } from '#store/store.ts'

import { parseRunSubject } from './run-plan.ts'
import { isOver, readProgress } from './run-progress.ts'
import { findRuns, listRuns, type RunRecord } from './run-records.ts'

interface SettlementOptions {
  store: Store
  jobs: Pick<Jobs, 'findMany' | 'list' | 'summarise' | 'requestStop' | 'subscribe'>
  clock: Clock
  log: Logger
}

/** Changes come in flocks: those of so long are looked at together. */
const gatherMs = 200
const sweepMs = 10 * 60_000
const runsAtOnce = 500
/** Keys begin with the kind of job. */
const keysOfRuns = /^(?:batch|engine)-|^\*$/

/**
 * Records what became of runs once all their jobs have ended, ends jobs of runs that are gone with their owner, and lets go of runs whose
 * jobs' records are gone. Its cost follows the runs that are active.
 */
export function createRunSettlement(options: SettlementOptions): LeaderPart {
  return async (term) => {
    const { jobs, clock } = options
    let sweptAtMs = Number.NEGATIVE_INFINITY
    const loop = startWorkLoop({
      clock,
      signal: term.signal,
      async step() {
        await clock.sleep(gatherMs, { signal: term.signal }).catch(() => {})
        await tryTo(options, term, () => settleEnded(options, term))
        if (clock.monotonic() - sweptAtMs >= sweepMs) {
          sweptAtMs = clock.monotonic()
          await tryTo(options, term, () => sweep(options, term))
        }
        return sweepMs
      },
    })
    const stopListening = jobs.subscribe((keys) => {
      if (keys.some((key) => keysOfRuns.test(key))) loop.wake()
    })
    await loop.done
    stopListening()
  }
}

async function tryTo({ log }: SettlementOptions, { signal }: Term, work: () => Promise<void>): Promise<void> {
  if (signal.aborted) return
  await work().catch((error: unknown) => log.warn({ err: error }, 'ended runs could not be looked after'))
}

async function settleEnded(options: SettlementOptions, term: Term): Promise<void> {
  const { store, jobs } = options
  let before: number | undefined
  for (;;) {
    const filter = { active: true, limit: runsAtOnce, ...(before === undefined ? {} : { before }) }
    const runs = await listRuns(store.db, filter)
    const progress = await readProgress(jobs, runs)
    for (const run of runs) {
      const its = progress.get(run.id)
      if (its !== undefined && isOver(its)) await writeEnd(options, term, run, its)
    }
    before = runs.at(-1)?.id
    if (runs.length < runsAtOnce || term.signal.aborted) return
  }
}

async function writeEnd(
  { store, clock }: SettlementOptions,
  { lease }: Term,
  run: RunRecord,
  outcome: NonNullable<RunRecord['outcome']>,
): Promise<void> {
  await store.transaction(async (tx) => {
    await store.assertLease(tx, lease)
    await tx.db
      .updateTable('runs')
      .set({ outcome: JSON.stringify(outcome), ended_at: outcome.endedAtMs ?? clock.now() })
      .where('id', '=', run.id)
      .execute()
    tx.changed('run', String(run.id))
  })
}

async function sweep(options: SettlementOptions, term: Term): Promise<void> {
  const { store, log } = options
  const stopped = await stopOwnerlessJobs(options)
  if (stopped > 0) log.warn({ stopped }, 'jobs of runs that are gone are being stopped')
  await store.transaction(async (tx) => {
    await store.assertLease(tx, term.lease)
    await tx.db
      .deleteFrom('runs')
      .where('ended_at', 'is not', null)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('jobs').select('jobs.id').where('jobs.subject', '=', sql<string>`'run:' || runs.id`),
          ),
        ),
      )
      .execute()
  })
}

/** Jobs are read first: a job and its run are written together, so a run that is not there then was removed. */
async function stopOwnerlessJobs({ store, jobs }: SettlementOptions): Promise<number> {
  const kinds = ['batch', 'engine'] as const
  const all = { active: true, limit: Number.MAX_SAFE_INTEGER }
  const active = (await Promise.all(kinds.map((kind) => jobs.list({ ...all, kind })))).flat()
  const ids = new Set(active.flatMap(({ subject }) => parseRunSubject(subject) ?? []))
  const there = new Set((await findRuns(store.db, [...ids])).map(({ id }) => id))
  const keys = active.flatMap(({ key, subject, desired }) => {
    const id = parseRunSubject(subject)
    return id !== undefined && !there.has(id) && desired === 'run' ? [key] : []
  })
  if (keys.length > 0) {
    await store.transaction((tx) => jobs.requestStop(tx, keys, { reason: 'run_removed' }))
  }
  return keys.length
}
