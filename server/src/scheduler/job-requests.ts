import { PlatformError } from '@atrium/contract/errors.ts'

import type { Clock } from '#platform/clock.ts'
import type { SealedBox } from '#platform/sealed-box.ts'
import type { StoreTransaction } from '#store/store.ts'
import type { JobKey, JobSpec } from './job.ts'
import { insertJobEvents } from './job-events.ts'
import { buildJobKey } from './job-key.ts'
import { defaultPriorities } from './job-queue.ts'
import type { Job, JobRequest, StopOptions } from './job-record.ts'
import type { NewJobRow } from './job-rows.ts'
import { sealSecrets } from './job-secrets.ts'
import type { JobStore } from './job-store.ts'
import { buildAmounts, countClusters, describeObstacle } from './quota.ts'
import type { QuotaLedger } from './quota-ledger.ts'

/** What is wanted of jobs is written with these. */
export interface JobRequestsContext {
  jobs: JobStore
  ledger: QuotaLedger
  box: SealedBox
  clock: Clock
  defaultDriver: string
  /** Names of the configured schedulers. */
  drivers: readonly string[]
}

/** See `Jobs.request`. */
export async function requestJob(
  context: JobRequestsContext,
  tx: StoreTransaction,
  request: JobRequest,
): Promise<Job> {
  const [job] = await requestJobs(context, tx, [request])
  if (job === undefined) throw new PlatformError('internal', { detail: 'a requested job is not there' })
  return job
}

/** See `Jobs.requestMany`. */
export async function requestJobs(
  context: JobRequestsContext,
  tx: StoreTransaction,
  requests: readonly JobRequest[],
): Promise<readonly Job[]> {
  const { jobs, clock } = context
  const rows = requests.map((request) => buildRow(context, request))
  await checkRows(context, tx, rows)
  const inserted = await jobs.insert(tx, rows)
  const found = new Map(inserted.map((job) => [job.key, job]))
  const event = { kind: 'progress', message: 'Requested', progress: 0 } as const
  await insertJobEvents(
    tx,
    clock.now(),
    inserted.map(({ key }) => ({ key, event })),
  )
  for (const { key } of inserted) tx.changed('job-wanted', key)
  const others = rows.flatMap(({ key }) => (found.has(key) ? [] : [key]))
  for (const [key, job] of await jobs.find(others, tx)) found.set(key, job)
  return rows.flatMap(({ key }) => found.get(key) ?? [])
}

/** Throws when the scheduler of one is not there, or when one can never fit. Those that are alike are looked at once. */
async function checkRows(
  { ledger, drivers }: JobRequestsContext,
  tx: StoreTransaction,
  rows: readonly NewJobRow[],
): Promise<void> {
  const seen = new Set<string>()
  for (const row of rows) {
    if (!drivers.includes(row.driver)) {
      throw new PlatformError('bad_request', { message: `There is no scheduler named ${row.driver}.` })
    }
    const { kind, servers, workers, cpu, memory_bytes: memoryBytes, gpu } = row
    const amounts = { servers, clusters: countClusters(kind), workers, cpu, memoryBytes, gpu }
    const claim = { kind, userId: row.user_id ?? null, groupId: row.group_id ?? null, amounts }
    const likeness = JSON.stringify(claim)
    if (seen.has(likeness)) continue
    seen.add(likeness)
    const obstacle = await ledger.findNeverFits(tx, { key: row.key, ...claim })
    if (obstacle === undefined) continue
    const { reason, message } = describeObstacle(obstacle)
    throw new PlatformError('quota_exceeded', { message, detail: { reason } })
  }
}

/** See `Jobs.requestStop`. */
export async function requestStops(
  { jobs, clock }: JobRequestsContext,
  tx: StoreTransaction,
  keys: readonly JobKey[],
  { reason = 'requested', message = 'It was asked to end.' }: StopOptions = {},
): Promise<void> {
  const found = await jobs.lock(tx, keys)
  const wanted = [...found.values()].filter((job) => job.desired === 'run' && job.endedAtMs === undefined)
  const nowMs = clock.now()
  const stop = { desired: 'stop', stopRequestedAtMs: nowMs, reason, message } as const
  const queued = wanted.filter((job) => job.state === 'queued').map((job) => job.key)
  const unknown = wanted.filter((job) => job.state === 'unknown').map((job) => job.key)
  const others = wanted.flatMap(({ state, key }) => (state === 'queued' || state === 'unknown' ? [] : [key]))
  await jobs.updateMany(tx, queued, { ...stop, state: 'cancelled', endedAtMs: nowMs, secrets: null })
  await jobs.updateMany(tx, unknown, stop)
  await jobs.updateMany(tx, others, { ...stop, state: 'stopping' })
  const event = { kind: 'progress', message } as const
  await insertJobEvents(
    tx,
    nowMs,
    wanted.map(({ key }) => ({ key, event })),
  )
  for (const { key } of wanted) tx.changed('job-wanted', key)
}

function buildRow({ box, clock, defaultDriver }: JobRequestsContext, request: JobRequest): NewJobRow {
  const { kind, subject, userId, policy = {}, secrets } = request
  const key = request.key ?? buildJobKey(kind)
  const spec: JobSpec = { ...request.spec, key, kind }
  const amounts = buildAmounts(kind, spec.tasks, spec.resources)
  return {
    key,
    kind,
    driver: request.driver ?? defaultDriver,
    user_id: userId,
    group_id: request.groupId ?? null,
    subject,
    desired: 'run',
    state: 'queued',
    spec: JSON.stringify(spec),
    policy: JSON.stringify(policy),
    secrets: secrets === undefined ? null : sealSecrets(box, secrets),
    servers: amounts.servers,
    workers: amounts.workers,
    cpu: amounts.cpu,
    memory_bytes: amounts.memoryBytes,
    gpu: amounts.gpu,
    priority: request.priority ?? defaultPriorities[kind],
    requested_at: clock.now(),
  }
}
