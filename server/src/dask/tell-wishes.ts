import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'
import type { SealedBox } from '#platform/sealed-box.ts'
import type { Term } from '#store/leadership.ts'
import type { Store } from '#store/store.ts'

import { type ClusterRecord, lockCluster, readSealedSecrets, updateCluster } from './cluster-records.ts'
import { openClusterSecrets } from './cluster-secrets.ts'
import type { Reconciled } from './reconcile-cluster.ts'
import type { SchedulerWish, TellScheduler } from './scheduler-comm.ts'

/** Tells schedulers what is wanted of them; one that does not answer keeps nobody else waiting. */
export interface Telling {
  tell(cluster: Reconciled): void
  /** Resolves when nothing is under way. */
  ended(): Promise<void>
}

interface TellingOptions {
  store: Store
  box: SealedBox
  clock: Clock
  log: Logger
  tell: TellScheduler
  timeoutMs: number
  /** The cluster is to be looked at again. */
  onTold(id: number): void
}

const firstPauseMs = 200
const longestPauseMs = 10_000

/** See `Telling`. Whatever could not be told is told later, the newest wish alone. */
export function createTelling(options: TellingOptions, { lease, signal }: Term): Telling {
  const { store, clock, log, onTold } = options
  const underWay = new Map<number, Promise<void>>()
  const pauses = new Map<number, number>()
  const run = async ({ record, scheduler }: Reconciled) => {
    const { id, wish } = record
    try {
      await tellOnce(options, record, scheduler, signal)
      await store.transaction(async (tx) => {
        await store.assertLease(tx, lease)
        const now = await lockCluster(tx, { id })
        if (now !== undefined && now.wishTold < wish) await updateCluster(tx, id, { wishTold: wish })
      })
      pauses.delete(id)
    } catch (error) {
      if (signal.aborted) return
      const pauseMs = Math.min(longestPauseMs, (pauses.get(id) ?? firstPauseMs / 2) * 2)
      pauses.set(id, pauseMs)
      log.warn({ err: error, cluster: record.name }, 'a scheduler could not be told what is wanted')
      await clock.sleep(pauseMs, { signal }).catch(() => {})
    }
  }
  return {
    tell(cluster) {
      const { id } = cluster.record
      if (underWay.has(id)) return
      const done = run(cluster).finally(() => {
        underWay.delete(id)
        if (!signal.aborted) onTold(id)
      })
      underWay.set(id, done)
    },
    async ended() {
      await Promise.allSettled(underWay.values())
    },
  }
}

async function tellOnce(
  { store, box, tell, timeoutMs }: TellingOptions,
  record: ClusterRecord,
  scheduler: Reconciled['scheduler'],
  signal: AbortSignal,
): Promise<void> {
  const sealed = await readSealedSecrets(store.db, record.id)
  const secrets = sealed === null ? undefined : openClusterSecrets(box, sealed)
  if (secrets === undefined || scheduler?.endpoint === undefined) throw new Error('it is not to be reached')
  await tell(scheduler.endpoint, buildWish(record), {
    token: secrets.token,
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
  })
}

function buildWish({ adapt, wanted }: ClusterRecord): SchedulerWish {
  return adapt === null ? { op: 'scale', count: wanted } : { op: 'adapt', ...adapt, active: true }
}
