import { randomBytes } from 'node:crypto'

import { PlatformError } from '@atrium/contract/errors.ts'

import type { User } from '#identity/users.ts'
import { recordAudit } from '#observe/audit.ts'
import type { Clock } from '#platform/clock.ts'
import type { SealedBox } from '#platform/sealed-box.ts'
import { createSecret, hashSecret } from '#platform/secret.ts'
import { buildJobKey } from '#scheduler/job-key.ts'
import type { PreparedOwner } from '#scheduler/job-profile.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import { describeObstacle } from '#scheduler/quota.ts'
import type { Store, StoreTransaction } from '#store/store.ts'

import { createCertificate } from './certificate.ts'
import { buildSchedulerJob, type DaskSettings } from './cluster-jobs.ts'
import { buildServerName } from './cluster-paths.ts'
import { announceCluster } from './cluster-records.ts'
import { type ClusterSecrets, sealClusterSecrets } from './cluster-secrets.ts'
import type { ClusterRequest } from './clusters.ts'
import { findWorkerLimit } from './worker-limit.ts'

export interface ClusterStarterOptions {
  store: Store
  jobs: Pick<Jobs, 'request' | 'quotas'>
  /** Who the user's jobs run as. Throws `conflict` when the home belongs to somebody else. */
  prepareOwner(user: User): Promise<PreparedOwner>
  settings: DaskSettings
  box: SealedBox
  clock: Clock
}

/** Writes a new cluster and its scheduler's job down, in one transaction; the rest follows. Answers its name. See `Clusters.create`. */
export function createClusterStarter(
  options: ClusterStarterOptions,
): (request: ClusterRequest) => Promise<string> {
  return async (request) => {
    const name = randomBytes(16).toString('hex')
    const [owner, certificate] = await Promise.all([
      options.prepareOwner(request.owner),
      createCertificate([buildServerName(name), 'dask-internal'], options.clock.now()),
    ])
    const plan = { name, owner, secrets: { ...certificate, token: createSecret() } }
    await options.store.transaction((tx) => writeStart(tx, options, request, plan))
    return name
  }
}

interface StartPlan {
  name: string
  owner: PreparedOwner
  secrets: ClusterSecrets
}

async function writeStart(
  tx: StoreTransaction,
  options: ClusterStarterOptions,
  request: ClusterRequest,
  { name, owner, secrets }: StartPlan,
): Promise<void> {
  const { jobs, box, clock } = options
  const { settings } = request
  const userId = request.owner.id
  await checkRoom(tx, options, request)
  const job = buildJobKey('dask-scheduler')
  const { id } = await tx.db
    .insertInto('dask_clusters')
    .values({
      name,
      user_id: userId,
      server_id: request.serverId,
      options: JSON.stringify(request.options),
      settings: JSON.stringify(settings),
      secrets: sealClusterSecrets(box, secrets),
      token_hash: hashSecret(secrets.token),
      scheduler_job: job,
      created_at: clock.now(),
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  await jobs.request(
    tx,
    buildSchedulerJob(options.settings, { id, name, userId, settings, secrets, owner, job }),
  )
  await recordAudit(tx, clock, {
    actor: request.actor,
    action: 'cluster.create',
    target: `cluster:${request.owner.name}/${name}`,
    detail: { job, ...(settings.profile === undefined ? {} : { profile: settings.profile }) },
  })
  announceCluster(tx, id)
}

/** A cluster that can never have a worker is of no use to anybody. */
async function checkRoom(
  tx: StoreTransaction,
  { jobs, settings }: ClusterStarterOptions,
  request: ClusterRequest,
): Promise<void> {
  const limits = await jobs.quotas.limitsOf({ userId: request.owner.id }, tx)
  const { workers, by } = findWorkerLimit(request.settings, limits, settings.maximumWorkers)
  if (workers > 0 || by === undefined) return
  const { limit, dimension } = by
  const { reason, message } = describeObstacle({ ...limit, dimension, limit: limit.limits[dimension] ?? 0 })
  throw new PlatformError('quota_exceeded', {
    message: `${message} A scheduler and a worker of this size do not fit.`,
    detail: { reason },
  })
}
