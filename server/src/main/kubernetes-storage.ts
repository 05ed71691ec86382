import { join, posix } from 'node:path'

import { PlatformError } from '@atrium/contract/errors.ts'
import type { Config } from '#config/schema.ts'
import { parseByteSize } from '#config/units.ts'
import { createUnixGroups } from '#identity/unix-groups.ts'
import type { Clock } from '#platform/clock.ts'
import type { HomeClaimsConfig } from '#scheduler/drivers/kubernetes/kubernetes-config.ts'
import type { JobOwner, JobSpec } from '#scheduler/job.ts'
import type { Homes } from '#storage/homes.ts'
import { createKeeperClient } from '#storage/keeper/keeper-client.ts'
import { createOwnedFolders, type OwnedFolders } from '#storage/owned-folders.ts'
import type { Store } from '#store/store.ts'

import { createFolderStorage, createMeasuredStorage, type HomeStorage } from './home-spaces.ts'
import type { OwnerGroups } from './owner-groups.ts'
import { podFolders } from './pod-volumes.ts'

type StorageSection = Config['scheduler']['kubernetes']['storage']

/** Homes and folders of groups on a cluster's volumes. */
export interface KubernetesStorage {
  /** Says where pods see a home; it is made by `prepare`. */
  readonly homes: Homes
  readonly groups: OwnerGroups | undefined
  /** Undefined where homes have claims of their own. */
  readonly homeStorage: HomeStorage | undefined
  /**
   * Makes what a pod is to mount: a kubelet that meets no folder would make one of root's. Throws `scheduler_unavailable` while that cannot be
   * done, `conflict` and `forbidden` when it cannot be done at all.
   */
  prepare(spec: JobSpec): Promise<void>
}

/** What was there this long ago is still there. */
const trustMs = 30_000
const mostTrusted = 10_000

/** Throws `bad_request` where the platform could not give folders to their owners. */
export function openKubernetesStorage(
  section: StorageSection,
  {
    store,
    clock,
    groups,
    sizeBytes,
  }: { store: Store; clock: Clock; groups: boolean; sizeBytes?: number | undefined },
): KubernetesStorage {
  const folders = openFolders(section)
  const isShared = section.homes.claimPerUser === undefined
  const ensured = createMemory(clock)
  return {
    homes: { ensure: ({ folder }) => Promise.resolve(posix.join(podFolders.homes, folder)) },
    homeStorage: isShared
      ? openHomeStorage(section, { clock, ...(sizeBytes === undefined ? {} : { sizeBytes }) })
      : undefined,
    groups: groups && folders !== undefined ? createPodGroups(store) : undefined,
    async prepare({ owner }) {
      if (folders === undefined) return
      if (isShared) await ensured(`home ${owner.login}`, () => folders.ensureHome(readHome(owner)))
      for (const { folder, gid } of owner.groups ?? [])
        await ensured(`group ${folder}`, () => folders.ensureGroup({ folder, gid }))
    },
  }
}

/** How the driver makes homes' claims. */
export function buildHomeClaims({
  storageClass,
  size,
  ...rest
}: NonNullable<StorageSection['homes']['claimPerUser']>): HomeClaimsConfig {
  return { ...rest, sizeBytes: parseByteSize(size), ...(storageClass === undefined ? {} : { storageClass }) }
}

function openFolders({ root }: StorageSection): OwnedFolders | undefined {
  if (root?.keeper !== undefined) return createKeeperClient(root.keeper)
  if (root?.folder === undefined) return undefined
  if (process.geteuid?.() !== 0)
    throw new PlatformError('bad_request', {
      message:
        'Only root can give homes to their owners: start the platform as root, or give scheduler.kubernetes.storage.root.keeper instead of folder.',
    })
  return createOwnedFolders({ root: root.folder })
}

function openHomeStorage(
  { root }: StorageSection,
  { clock, sizeBytes }: { clock: Clock; sizeBytes?: number },
): HomeStorage | undefined {
  if (root?.keeper !== undefined) {
    const keeper = createKeeperClient(root.keeper)
    return createMeasuredStorage((login) => keeper.findHomeSize(login), sizeBytes)
  }
  const folder = root?.folder
  if (folder === undefined) return undefined
  return createFolderStorage({ clock, pathOf: (login) => join(folder, 'homes', login), sizeBytes })
}

/** Pods see no more than the folders of their owner's groups, side by side. */
function createPodGroups(store: Store): OwnerGroups {
  const groups = createUnixGroups({ store })
  return { ensureOf: async ({ id }) => ({ groups: await groups.ensureOf(id), shared: podFolders.groups }) }
}

function readHome({ login, uid, gid }: JobOwner): { folder: string; uid: number; gid: number } {
  if (uid === undefined || gid === undefined) throw new PlatformError('internal', { detail: { login } })
  return { folder: login, uid, gid }
}

/** Does each thing once in a while. */
function createMemory(clock: Clock): (key: string, work: () => Promise<void>) => Promise<void> {
  const doneMs = new Map<string, number>()
  return async (key, work) => {
    const atMs = doneMs.get(key)
    if (atMs !== undefined && clock.monotonic() - atMs < trustMs) return
    await work()
    if (doneMs.size >= mostTrusted) doneMs.clear()
    doneMs.set(key, clock.monotonic())
  }
}
