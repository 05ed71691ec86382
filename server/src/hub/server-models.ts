import type { Jobs } from '#scheduler/jobs.ts'
import type { ReadableDatabase } from '#store/store.ts'

import type { ActiveServers } from './active-servers.ts'
import { buildServerModel, buildUnusedServer, type HubServerModel } from './server-model.ts'
import { buildServerPhase } from './server-phase.ts'
import { findServer, listServersOfUsers, type ServerName, type ServerRecord } from './server-records.ts'

/** A user whose servers are asked for. */
export interface ServerOwner {
  id: number
  name: string
}

export interface ServerModelQuery {
  /** Stopped servers too, and the default server of who never had one. */
  includeStopped?: boolean
  /** Whether the caller may see a server's `state`. Default: never. */
  mayReadState?(server: ServerName): boolean
}

/** Servers as JupyterHub's REST API shows them. Active ones come from memory. */
export interface ServerModels {
  /** Servers of each user, by user id; users without any are absent. */
  ofUsers(
    users: readonly ServerOwner[],
    query?: ServerModelQuery,
  ): Promise<ReadonlyMap<number, readonly HubServerModel[]>>
  /** One server, active or not; undefined when its owner has no such server. */
  find(owner: ServerOwner, server: string, query?: ServerModelQuery): Promise<HubServerModel | undefined>
  /** Ids of the users who have a server that is active, or ready: `GET /hub/api/users?state=...`. */
  usersWith(state: 'active' | 'ready'): Promise<ReadonlySet<number>>
}

interface ServerModelsOptions {
  db: ReadableDatabase
  jobs: Pick<Jobs, 'find'>
  active: ActiveServers
  publicUrl?: string | undefined
}

/** See `ServerModels`. */
export function createServerModels({ db, jobs, active, publicUrl }: ServerModelsOptions): ServerModels {
  const build = (
    record: ServerRecord,
    query: ServerModelQuery,
    job: Parameters<typeof buildServerModel>[1],
  ) =>
    buildServerModel(record, job, {
      publicUrl,
      includeState: query.mayReadState?.({ user: record.user, server: record.name }) ?? false,
    })

  return {
    async ofUsers(users, query = {}) {
      const models = new Map<number, HubServerModel[]>()
      const activeByUser = await active.byUser()
      for (const { id } of users) {
        const servers = activeByUser.get(id)
        if (servers === undefined) continue
        models.set(
          id,
          Array.from(servers.values(), ({ record, job }) => build(record, query, job)),
        )
      }
      if (query.includeStopped)
        await addStopped(db, models, users, (record) => build(record, query, undefined))
      return models
    },

    async find(owner, server, query = {}) {
      const record =
        (await findServer(db, { user: owner.name, server })) ??
        (server === '' ? buildUnusedServer(owner) : undefined)
      if (record === undefined) return undefined
      const job = record.jobKey === null ? undefined : await jobs.find(record.jobKey)
      return build(record, query, job)
    },

    async usersWith(state) {
      const users = new Set<number>()
      for (const { record, job } of await active.all())
        if (state === 'active' || buildServerPhase(job).ready) users.add(record.userId)
      return users
    },
  }
}

async function addStopped(
  db: ReadableDatabase,
  models: Map<number, HubServerModel[]>,
  users: readonly ServerOwner[],
  build: (record: ServerRecord) => HubServerModel,
): Promise<void> {
  const records = await listServersOfUsers(
    db,
    users.map(({ id }) => id),
  )
  const byUser = Map.groupBy(records, (record) => record.userId)
  for (const user of users) {
    const servers = models.get(user.id) ?? []
    const known = new Set(servers.map(({ name }) => name))
    const stored = byUser.get(user.id) ?? []
    const all = stored.some(({ name }) => name === '') ? stored : [buildUnusedServer(user), ...stored]
    for (const record of all) if (!known.has(record.name)) servers.push(build(record))
    models.set(user.id, servers)
  }
}
