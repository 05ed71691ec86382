import type { Clock } from '#platform/clock.ts'
import type { SealedBox } from '#platform/sealed-box.ts'
import { buildJobKey } from '#scheduler/job-key.ts'
import type { Job } from '#scheduler/job-record.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import type { Lease, Store, StoreTransaction } from '#store/store.ts'

import { buildWorkerJob, type DaskSettings, schedulerPorts } from './cluster-jobs.ts'
import { type ClusterPlan, planCluster } from './cluster-plan.ts'
import { type ClusterRecord, lockCluster, readSealedSecrets, updateCluster } from './cluster-records.ts'
import { openClusterSecrets } from './cluster-secrets.ts'
import { type ClusterEnd, writeEnd } from './cluster-stopper.ts'
import { findWorkerLimit } from './worker-limit.ts'
import { hasEverConnected, insertWorkers, listWorkers, markWorkers } from './worker-records.ts'

export interface ReconcileOptions {
  store: Store
  jobs: Pick<Jobs, 'find' | 'requestMany' | 'requestStop' | 'quotas'>
  settings: DaskSettings
  box: SealedBox
  clock: Clock
}

/** What came of one look. */
export interface Reconciled {
  record: ClusterRecord
  scheduler: Job | undefined
  /** The scheduler has to be told what is wanted. */
  tell: boolean
  /** When to look again, whatever is heard. */
  wakeAtMs?: number
  isOver: boolean
}

/** It was sealed under a key that is gone: nobody new can join. */
const keyLost: ClusterEnd = {
  outcome: 'failed',
  reason: 'key_lost',
  message: 'Its certificate cannot be read any more.',
}

/** How many workers are asked for in one transaction: a driver submits them together, and others come in between. */
const startedAtOnce = 500

/**
 * One step of a cluster towards what is wanted of it, in one transaction that is fenced by the leader's lease. Undefined: there is none of
 * this id, or it has ended. Repeatable at any time.
 */
export function reconcileCluster(
  options: ReconcileOptions,
  lease: Lease,
  id: number,
): Promise<Reconciled | undefined> {
  const { store, jobs, settings, clock } = options
  return store.transaction(async (tx) => {
    await store.assertLease(tx, lease)
    const record = await lockCluster(tx, { id })
    if (record === undefined || record.stoppedAtMs !== null) return undefined
    const scheduler = await jobs.find(record.schedulerJob, tx)
    const limits = await jobs.quotas.limitsOf({ userId: record.userId }, tx)
    const plan = planCluster({
      record,
      scheduler,
      workers: await listWorkers(tx.db, id),
      limit: findWorkerLimit(record.settings, limits, settings.maximumWorkers).workers,
      everConnected: await hasEverConnected(tx.db, id),
      nowMs: clock.now(),
    })
    const started = await writePlan(tx, options, { record, scheduler }, plan)
    const isMoreToDo = started < plan.start || plan.end !== undefined
    return {
      record,
      scheduler,
      tell: plan.tell,
      isOver: plan.isOver,
      ...(isMoreToDo
        ? { wakeAtMs: clock.now() }
        : plan.wakeAtMs === undefined
          ? {}
          : { wakeAtMs: plan.wakeAtMs }),
    }
  })
}

/** Answers how many workers were asked for. */
async function writePlan(
  tx: StoreTransaction,
  options: ReconcileOptions,
  { record, scheduler }: { record: ClusterRecord; scheduler: Job | undefined },
  plan: ClusterPlan,
): Promise<number> {
  const { jobs, clock } = options
  const nowMs = clock.now()
  await markWorkers(tx, plan.settled, { ended_at: nowMs })
  if (plan.end !== undefined) {
    await writeEnd(tx, jobs, record, plan.end)
    return 0
  }
  if (record.desired === 'run') await markWorkers(tx, plan.closing, { closing_at: nowMs })
  const unwanted = record.desired === 'stop' ? [record.schedulerJob, ...plan.closing] : plan.closing
  await jobs.requestStop(tx, unwanted, { reason: 'not_needed', message: 'It is not needed any more.' })
  await updateCluster(tx, record.id, plan.change)
  if (plan.isOver) await updateCluster(tx, record.id, { stoppedAtMs: nowMs, secrets: null, adapt: null })
  const count = Math.min(plan.start, startedAtOnce)
  if (count > 0 && scheduler !== undefined) await startWorkers(tx, options, { record, scheduler, count })
  return count
}

async function startWorkers(
  tx: StoreTransaction,
  { jobs, settings, box, clock }: ReconcileOptions,
  { record, scheduler, count }: { record: ClusterRecord; scheduler: Job; count: number },
): Promise<void> {
  const sealed = await readSealedSecrets(tx.db, record.id)
  const secrets = sealed === null ? undefined : openClusterSecrets(box, sealed)
  const { endpoint, spec } = scheduler
  const port = endpoint?.ports[schedulerPorts.scheduler]
  if (secrets === undefined) return writeEnd(tx, jobs, record, keyLost)
  if (endpoint === undefined || port === undefined) return
  const address = `tls://${formatHost(endpoint.host)}:${port}`
  const keys = Array.from({ length: count }, () => buildJobKey('dask-worker'))
  await insertWorkers(tx, record.id, keys, clock.now())
  await jobs.requestMany(
    tx,
    keys.map((job) => buildWorkerJob(settings, { ...record, secrets, job, scheduler: { spec, address } })),
  )
}

function formatHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
