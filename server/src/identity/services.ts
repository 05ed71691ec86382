import { PlatformError } from '@atrium/contract/errors.ts'
import type { Selectable } from 'kysely'

import { type Actor, recordAudit } from '#observe/audit.ts'
import type { Clock } from '#platform/clock.ts'
import { hashSecret } from '#platform/secret.ts'
import type { ReadableDatabase, Store, StoreTransaction } from '#store/store.ts'
import type { ServicesTable } from '#store/tables.ts'
import { findScopeProblem } from './check-scopes.ts'
import { hubClientId } from './hub-client-id.ts'
import { printable } from './names.ts'
import { ensureOauthClient, findOauthClient, removeOauthClients } from './oauth-clients.ts'

/** A service as stored. */
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

/** A service that is made by API. */
export interface NewService {
  readonly name: string
  readonly url?: string
  readonly info?: Readonly<Record<string, unknown>>
  readonly admin?: boolean
  readonly display?: boolean
  /** Its API token, and its OAuth client's secret. Absent: it can neither ask the API nor sign people in. */
  readonly apiToken?: string
  /** Default `service-NAME`. */
  readonly oauthClientId?: string
  /** Where sign-ins come back to; absent: under its own path, if it has a URL. */
  readonly oauthRedirectUri?: string
  readonly oauthClientAllowedScopes?: readonly string[]
}

/** The services. Changes are announced as `service NAME`. */
export interface Services {
  find(name: string): Promise<Service | undefined>
  /** By name. */
  list(): Promise<readonly Service[]>
  /** Throws `conflict` when it exists, `invalid_name`, and `bad_request` for a token that is too short or taken. */
  create(service: NewService, actor: Actor): Promise<Service>
  /** With its tokens, its OAuth client and what people gave that. Throws `not_found`, and `method_not_allowed` for one of the configuration. */
  remove(name: string, actor: Actor): Promise<void>
}

const namePattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/
const shortestApiToken = 16

/** See `Services`. */
export function createServices({ store, clock }: { readonly store: Store; readonly clock: Clock }): Services {
  async function find(name: string): Promise<Service | undefined> {
    const rows = await store.db.selectFrom('services').selectAll().where('name', '=', name).execute()
    const [service] = await readViews(store.db, rows)
    return service
  }

  return {
    find,

    async list() {
      return readViews(store.db, await store.db.selectFrom('services').selectAll().orderBy('name').execute())
    },

    async create(service, actor) {
      assertService(service)
      return store.transaction(async (tx) => {
        const row = await insertService(tx, service)
        if (service.apiToken !== undefined) {
          await insertToken(tx, { id: row.id, secret: service.apiToken, nowMs: clock.now() })
          await registerClient(tx, service, { id: row.id, secret: service.apiToken, nowMs: clock.now() })
        }
        tx.changed('service', service.name)
        const detail = { admin: row.admin === 1 }
        await recordAudit(tx, clock, {
          actor,
          action: 'service.create',
          target: `service:${service.name}`,
          detail,
        })
        const [view] = await readViews(tx.db, [row])
        return view as Service
      })
    },

    async remove(name, actor) {
      await store.transaction(async (tx) => {
        const row = await tx.db.selectFrom('services').selectAll().where('name', '=', name).executeTakeFirst()
        if (row === undefined)
          throw new PlatformError('not_found', { message: `Service ${printable(name)} does not exist` })
        if (row.managed === 1) {
          throw new PlatformError('method_not_allowed', {
            message: `Service ${name} is not modifiable at runtime`,
          })
        }
        await removeOauthClients(tx, { serviceId: row.id })
        await tx.db.deleteFrom('services').where('id', '=', row.id).execute()
        tx.changed('service', name)
        await recordAudit(tx, clock, { actor, action: 'service.delete', target: `service:${name}` })
      })
    },
  }
}

function assertService({ name, apiToken, url, oauthClientAllowedScopes = [] }: NewService): void {
  if (!namePattern.test(name)) {
    throw new PlatformError('invalid_name', { message: `Invalid service name: ${printable(name)}` })
  }
  const problem = findScopeProblem(oauthClientAllowedScopes, `service ${name}`)
  if (problem !== undefined) throw new PlatformError('bad_request', { message: problem })
  if (apiToken !== undefined && apiToken.length < shortestApiToken) {
    throw new PlatformError('bad_request', {
      message: `An API token has at least ${shortestApiToken} characters.`,
    })
  }
  if (url !== undefined && !/^https?:\/\//.test(url)) {
    throw new PlatformError('bad_request', {
      message: 'The URL of a service begins with http:// or https://.',
    })
  }
}

async function insertService(tx: StoreTransaction, service: NewService): Promise<Selectable<ServicesTable>> {
  const row = await tx.db
    .insertInto('services')
    .values({
      name: service.name,
      url: service.url ?? null,
      info: JSON.stringify(service.info ?? {}),
      admin: service.admin ? 1 : 0,
      display: service.display === false ? 0 : 1,
      oauth_client_id:
        service.apiToken === undefined ? null : (service.oauthClientId ?? `service-${service.name}`),
      managed: 0,
    })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .returningAll()
    .executeTakeFirst()
  if (row === undefined)
    throw new PlatformError('conflict', { message: `Service ${service.name} already exists` })
  return row
}

interface ServiceSecret {
  readonly id: number
  readonly secret: string
  readonly nowMs: number
}

async function insertToken(tx: StoreTransaction, { id, secret, nowMs }: ServiceSecret): Promise<void> {
  const hash = hashSecret(secret)
  const inserted = await tx.db
    .insertInto('tokens')
    .values({
      hash,
      prefix: '',
      service_id: id,
      client_id: hubClientId,
      scopes: JSON.stringify(['inherit']),
      note: 'Given when the service was created',
      created_at: nowMs,
    })
    .onConflict((conflict) => conflict.column('hash').doNothing())
    .returning('id')
    .executeTakeFirst()
  if (inserted === undefined)
    throw new PlatformError('bad_request', { message: 'This API token cannot be used.' })
  tx.changed('token', hash)
}

async function registerClient(
  tx: StoreTransaction,
  service: NewService,
  { id, secret, nowMs }: ServiceSecret,
): Promise<void> {
  const redirectUri =
    service.oauthRedirectUri ??
    (service.url === undefined ? undefined : `/services/${service.name}/oauth_callback`)
  const clientId = service.oauthClientId ?? `service-${service.name}`
  if (redirectUri === undefined) return
  const taken = await findOauthClient(tx.db, clientId)
  if (taken !== undefined || !clientId.startsWith('service-')) {
    throw new PlatformError('bad_request', {
      message: `The OAuth client id ${printable(clientId)} cannot be used.`,
    })
  }
  await ensureOauthClient(tx, {
    clientId,
    redirectUris: [redirectUri],
    allowedScopes: service.oauthClientAllowedScopes ?? [],
    description: `Service ${service.name}`,
    secret,
    serverId: null,
    serviceId: id,
    createdAtMs: nowMs,
  })
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
