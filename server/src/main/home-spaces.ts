import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { recordAudit } from '#observe/audit.ts'
import type { Clock } from '#platform/clock.ts'
import type { KubernetesScheduler } from '#scheduler/drivers/kubernetes/kubernetes-scheduler.ts'
import { createFolderSizes, type FolderSizes, type MeasuredSize } from '#storage/folder-sizes.ts'
import type { HomeSpace, HomeSpaces } from '#storage/home-space.ts'
import type { Store } from '#store/store.ts'

/** What a driver's storage can tell of homes. */
export interface HomeStorage {
  /** See `HomeSpace.holds`. */
  readonly holds: boolean
  /** Of homes whose owner has no size of their own. Absent: nobody said. */
  readonly sizeBytes?: number
  find(home: { name: string; login: string }): Promise<Omit<HomeSpace, 'holds'>>
  /** At once, where there is something to make larger. Throws `unprocessable`. */
  resize?(login: string, bytes: number): Promise<void>
}

const resizeMs = 20_000

/** What is known of homes on this platform. `storage` undefined: nothing, they are the site's. */
export function createHomeSpaces({
  store,
  clock,
  storage,
}: {
  store: Store
  clock: Clock
  storage: HomeStorage | undefined
}): HomeSpaces {
  return {
    async find({ id, name, login }) {
      if (storage === undefined) return { holds: false }
      const own = await readSize(store, id)
      const wanted = own ?? storage.sizeBytes
      const found = login === null ? {} : await storage.find({ name, login })
      return { holds: storage.holds, ...(wanted === undefined ? {} : { sizeBytes: wanted }), ...found }
    },
    async setSize({ id, name, login }, bytes, actor) {
      const size = bytes ?? storage?.sizeBytes
      if (login !== null && size !== undefined) await storage?.resize?.(login, size)
      await store.transaction(async (tx) => {
        await tx.db.updateTable('users').set({ home_bytes: bytes }).where('id', '=', id).execute()
        tx.changed('user', name)
        await recordAudit(tx, clock, {
          actor,
          action: 'user.home-size',
          target: `user:${name}`,
          detail: { sizeBytes: bytes },
        })
      })
    },
  }
}

/** The user's own size; undefined: as for all. */
export async function readSize({ db }: Store, id: number): Promise<number | undefined> {
  const row = await db.selectFrom('users').select('home_bytes').where('id', '=', id).executeTakeFirst()
  return row?.home_bytes ?? undefined
}

/** Folders that this process sees. `pathOf` answers undefined for a home that is not there. */
export function createFolderStorage({
  clock,
  pathOf,
  sizeBytes,
}: {
  clock: Clock
  pathOf(login: string): Promise<string> | string
  sizeBytes?: number | undefined
}): HomeStorage {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW
  const sizes: FolderSizes<string> = createFolderSizes({
    clock,
    open: async (login) => open(await pathOf(login), flags),
    keyOf: (login) => login,
  })
  return createMeasuredStorage((login) => sizes.find(login), sizeBytes)
}

/** Storage without limits of its own, which is looked at now and then. */
export function createMeasuredStorage(
  findSize: (login: string) => Promise<MeasuredSize | undefined>,
  sizeBytes: number | undefined,
): HomeStorage {
  return {
    holds: false,
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    async find({ login }) {
      // A keeper that is away is no reason to show nothing else.
      const size = await findSize(login).catch(() => undefined)
      return size === undefined ? {} : { usedBytes: size.bytes, measuredAtMs: size.measuredAtMs }
    },
  }
}

/** A volume for each home: its size is the claim's, and what is used a pod tells that has it. */
export function createClaimStorage(
  { homes, findHomeSpace }: Pick<KubernetesScheduler, 'homes' | 'findHomeSpace'>,
  { sizeBytes, clock }: { sizeBytes: number; clock: Clock },
): HomeStorage {
  return {
    ...{ holds: true, sizeBytes },
    async find({ name, login }) {
      const signal = AbortSignal.timeout(resizeMs)
      const claim = await homes?.find(login, signal).catch(() => undefined)
      const space = findHomeSpace(name)
      const size = space?.bytes ?? claim?.capacityBytes
      return {
        ...(size === undefined ? {} : { sizeBytes: size }),
        ...(space === undefined
          ? {}
          : { usedBytes: space.bytes - space.freeBytes, measuredAtMs: clock.now() }),
        ...(claim?.trouble === undefined ? {} : { trouble: claim.trouble }),
      }
    },
    async resize(login, bytes) {
      await homes?.resize({ login }, bytes, AbortSignal.timeout(resizeMs))
    },
  }
}
