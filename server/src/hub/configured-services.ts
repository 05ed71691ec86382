import { hubClientId } from '#identity/hub-client-id.ts'
import { ensureOauthClient, removeOauthClients } from '#identity/oauth-clients.ts'
import type { Clock } from '#platform/clock.ts'
import { hashSecret } from '#platform/secret.ts'
import type { Store, StoreTransaction } from '#store/store.ts'

import { findRedirectUri, findServiceClientId, type ServiceConfig } from './service-config.ts'

const prefixLength = 4
const configNote = 'from the configuration'

/**
 * Makes the services, their tokens and OAuth clients what the configuration says; those it does not name any more go with all they
 * had. Every replica does it at its start, with the same outcome.
 */
export async function applyServiceConfig(
  { store, clock }: { store: Store; clock: Clock },
  services: readonly ServiceConfig[],
): Promise<void> {
  await store.transaction(async (tx) => {
    for (const service of services) {
      const id = await ensureService(tx, service)
      await ensureConfiguredToken(tx, { id, token: service.apiToken, nowMs: clock.now() })
      if (service.apiToken !== undefined)
        await ensureServiceClient(tx, { id, service, secret: service.apiToken, nowMs: clock.now() })
      await removeOauthClients(tx, { serviceId: id }, keptClient(service))
    }
    await removeOthers(tx, new Set(services.map(({ name }) => name)))
  })
}

/** Registers the service's OAuth client, if it signs people in. Its secret is the service's API token, as in JupyterHub. */
export async function ensureServiceClient(
  tx: StoreTransaction,
  { id, service, secret, nowMs }: { id: number; service: ServiceConfig; secret: string; nowMs: number },
): Promise<void> {
  const redirectUri = findRedirectUri(service)
  if (redirectUri === undefined) return
  await ensureOauthClient(tx, {
    clientId: findServiceClientId(service),
    secret,
    redirectUris: [redirectUri],
    allowedScopes: service.oauthClientAllowedScopes,
    description: `JupyterHub service ${service.name}`,
    serverId: null,
    serviceId: id,
    createdAtMs: nowMs,
  })
}

/** The one client that a service has by its configuration. */
function keptClient(service: ServiceConfig): { except?: string } {
  return findRedirectUri(service) === undefined ? {} : { except: findServiceClientId(service) }
}

async function ensureService(tx: StoreTransaction, service: ServiceConfig): Promise<number> {
  const { name, url, info, admin, display } = service
  const values = {
    url: url ?? null,
    info: JSON.stringify(info),
    admin: Number(admin),
    display: Number(display),
    oauth_client_id: findRedirectUri(service) === undefined ? null : findServiceClientId(service),
    managed: 1,
  }
  const before = await tx.db.selectFrom('services').selectAll().where('name', '=', name).executeTakeFirst()
  if (
    before !== undefined &&
    Object.entries(values).every(([key, value]) => before[key as keyof typeof values] === value)
  ) {
    return before.id
  }
  const { id } = await tx.db
    .insertInto('services')
    .values({ name, ...values })
    .onConflict((conflict) => conflict.column('name').doUpdateSet(values))
    .returning('id')
    .executeTakeFirstOrThrow()
  tx.changed('service', name)
  return id
}

/** The token of the file, and no other that came from there before. */
async function ensureConfiguredToken(
  tx: StoreTransaction,
  { id, token, nowMs }: { id: number; token: string | undefined; nowMs: number },
): Promise<void> {
  const hash = token === undefined ? undefined : hashSecret(token)
  const known = await tx.db
    .selectFrom('tokens')
    .select('hash')
    .where('service_id', '=', id)
    .where('note', '=', configNote)
    .execute()
  for (const old of known.filter((row) => row.hash !== hash)) {
    await tx.db.deleteFrom('tokens').where('hash', '=', old.hash).execute()
    tx.changed('token', old.hash)
  }
  if (token === undefined || hash === undefined || known.some((row) => row.hash === hash)) return
  await tx.db
    .insertInto('tokens')
    .values({
      hash,
      prefix: token.slice(0, prefixLength),
      user_id: null,
      service_id: id,
      client_id: hubClientId,
      scopes: JSON.stringify(['inherit']),
      note: configNote,
      created_at: nowMs,
    })
    .execute()
  tx.changed('token', hash)
}

async function removeOthers(tx: StoreTransaction, names: ReadonlySet<string>): Promise<void> {
  const managed = await tx.db.selectFrom('services').select(['id', 'name']).where('managed', '=', 1).execute()
  for (const { id, name } of managed.filter((row) => !names.has(row.name))) {
    const tokens = await tx.db.selectFrom('tokens').select('hash').where('service_id', '=', id).execute()
    await removeOauthClients(tx, { serviceId: id })
    await tx.db.deleteFrom('services').where('id', '=', id).execute()
    for (const { hash } of tokens) tx.changed('token', hash)
    tx.changed('service', name)
  }
}
