import type { Selectable } from 'kysely'

import type { ReadableDatabase, Store } from '#store/store.ts'
import type { ServicesTable } from '#store/tables.ts'

/** A service as stored; all come from the configuration. */
export interface Service {
  readonly id: number
  readonly name: string
  readonly url: string | null
  readonly info: Readonly<Record<string, unknown>>
  readonly admin: boolean
  readonly display: boolean
  readonly oauthClientId: string | null
  /** Names of its roles. */
  readonly roles: readonly string[]
}

/** The services. Changes are announced as `service NAME`. */
export interface Services {
  find(name: string): Promise<Service | undefined>
  /** By name. */
  list(): Promise<readonly Service[]>
}

/** See `Services`. */
export function createServices({ store }: { readonly store: Store }): Services {
  return {
    async find(name) {
      const rows = await store.db.selectFrom('services').selectAll().where('name', '=', name).execute()
      const [service] = await readViews(store.db, rows)
      return service
    },
    async list() {
      return readViews(store.db, await store.db.selectFrom('services').selectAll().orderBy('name').execute())
    },
  }
}

async function readViews(
  db: ReadableDatabase,
  rows: readonly Selectable<ServicesTable>[],
): Promise<readonly Service[]> {
  if (rows.length === 0) return []
  const assigned = await db
    .selectFrom('role_assignments')
    .innerJoin('roles', 'roles.id', 'role_assignments.role_id')
    .select(['service_id', 'roles.name'])
    .where('service_id', 'is not', null)
    .orderBy('roles.id')
    .execute()
  const rolesOf = Map.groupBy(assigned, ({ service_id }) => service_id)
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    url: row.url,
    info: JSON.parse(row.info),
    admin: row.admin === 1,
    display: row.display === 1,
    oauthClientId: row.oauth_client_id,
    roles: [...(row.admin === 1 ? ['admin'] : []), ...(rolesOf.get(row.id) ?? []).map(({ name }) => name)],
  }))
}
