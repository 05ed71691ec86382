import { PlatformError } from '@atrium/contract/errors.ts'

import type { User } from '#identity/users.ts'
import { type Actor, recordAudit } from '#observe/audit.ts'
import type { Clock } from '#platform/clock.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import type { Store, StoreTransaction } from '#store/store.ts'

import type { ServerBody, ServerPatch } from './server-body.ts'
import { describeServer } from './server-paths.ts'
import { buildServerPhase } from './server-phase.ts'
import { announceServer, findServer, lockServer, type ServerRecord } from './server-records.ts'
import { checkNamedServer } from './server-rules.ts'
import { relimitShares } from './share-records.ts'

/** Makes and changes the records of servers that do not run. */
export interface ServerEditor {
  /** Throws `conflict` when it exists, `bad_request` for a name that is not allowed or one too many. */
  create(owner: User, server: string, body: ServerBody, actor: Actor): Promise<ServerRecord>
  /** Throws `not_found`, `bad_request` while it is active, `conflict` when the new name is taken. */
  update(owner: User, server: string, patch: ServerPatch, actor: Actor): Promise<ServerRecord>
}

interface ServerEditorOptions {
  store: Store
  jobs: Pick<Jobs, 'find'>
  clock: Clock
  /** Named servers a user may have. */
  namedServers: number
}

/** See `ServerEditor`. */
export function createServerEditor(options: ServerEditorOptions): ServerEditor {
  const { store, clock, namedServers } = options
  const check = (owner: User, name: string, displayName: string, adds: boolean) =>
    checkNamedServer(store.db, namedServers, { userId: owner.id, user: owner.name, name, displayName, adds })
  return {
    async create(owner, server, { displayName, userOptions = {} }, actor) {
      if (server === '') {
        throw new PlatformError('conflict', { message: `User ${owner.name} already has a default server` })
      }
      await refuseExisting(options, owner, server)
      const checked = await check(owner, server, displayName ?? server, true)
      return store.transaction(async (tx) => {
        const record = await lockServer(tx, {
          userId: owner.id,
          name: server,
          displayName: checked,
          nowMs: clock.now(),
        })
        const values = { user_options: JSON.stringify(userOptions) }
        await tx.db.updateTable('servers').set(values).where('id', '=', record.id).execute()
        await recordAudit(tx, clock, {
          actor,
          action: 'server.create',
          target: `server:${owner.name}/${server}`,
        })
        announceServer(tx, record.id)
        return { ...record, userOptions }
      })
    },

    async update(owner, server, patch, actor) {
      const displayName = patch.displayName ?? patch.name
      if (patch.name !== undefined) {
        await refuseExisting(options, owner, patch.name)
        // The default server is always there: under another name there is one more.
        await check(owner, patch.name, displayName ?? patch.name, server === '')
      } else if (displayName !== undefined) await check(owner, server, displayName, false)
      return store.transaction((tx) => writeUpdate(tx, options, { owner, server, patch, actor }))
    },
  }
}

async function refuseExisting({ store }: ServerEditorOptions, owner: User, server: string): Promise<void> {
  const exists = server === '' || (await findServer(store.db, { user: owner.name, server })) !== undefined
  if (!exists) return
  throw new PlatformError('conflict', { message: `User ${owner.name} already has server ${server}` })
}

interface Update {
  owner: User
  server: string
  patch: ServerPatch
  actor: Actor
}

async function writeUpdate(
  tx: StoreTransaction,
  { jobs, clock }: ServerEditorOptions,
  { owner, server, patch, actor }: Update,
): Promise<ServerRecord> {
  const name = describeServer(owner.name, server)
  const found = await findServer(tx.db, { user: owner.name, server })
  if (found === undefined && server !== '') {
    throw new PlatformError('not_found', { message: `User ${owner.name} has no such server '${server}'` })
  }
  const record = await lockServer(tx, { userId: owner.id, name: server, displayName: '', nowMs: clock.now() })
  const job = record.jobKey === null ? undefined : await jobs.find(record.jobKey, tx)
  if (buildServerPhase(job).active) {
    throw new PlatformError('bad_request', {
      message: `${name} is active. Please stop it before modifying it.`,
    })
  }
  const changed: ServerRecord = {
    ...record,
    name: patch.name ?? record.name,
    displayName: patch.displayName ?? record.displayName,
    userOptions: patch.userOptions ?? record.userOptions,
  }
  const values = {
    name: changed.name,
    display_name: changed.displayName,
    user_options: JSON.stringify(changed.userOptions),
  }
  await tx.db.updateTable('servers').set(values).where('id', '=', record.id).execute()
  if (changed.name !== record.name)
    await relimitShares(tx, record.id, { user: owner.name, server: changed.name })
  await recordAudit(tx, clock, {
    actor,
    action: 'server.update',
    target: `server:${owner.name}/${server}`,
    detail: { ...(patch.name === undefined ? {} : { name: patch.name }) },
  })
  announceServer(tx, record.id)
  return changed
}
