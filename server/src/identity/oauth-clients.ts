import { hashSecret, isSameSecret } from '#platform/secret.ts'
import type { ReadableDatabase, StoreTransaction } from '#store/store.ts'
import type { GrantClient } from './grants.ts'

/** An application that signs people in through the platform. */
export interface OauthClient {
  /** `jupyterhub-user-alice`, `service-stats`. */
  readonly clientId: string
  /** Where answers may go, compared character by character. */
  readonly redirectUris: readonly string[]
  /** What its tokens may carry besides the holder's name and access to itself. */
  readonly allowedScopes: readonly string[]
  /** Shown on the consent page. */
  readonly description: string
  /** The server or service it stands for. */
  readonly target: GrantClient
}

/** A client to be registered. */
export interface OauthClientRegistration extends Omit<OauthClient, 'target'> {
  /** The server's or service's own API token, as JupyterHub has it; only its hash is kept. */
  readonly secret: string
  /** Goes with the server or service of this id; exactly one is set. */
  readonly serverId: number | null
  readonly serviceId: number | null
  readonly createdAtMs: number
}

/** Registers a client, or changes the registered one of the same id. Announced as `oauth-client CLIENT-ID`. */
export async function ensureOauthClient(
  tx: StoreTransaction,
  client: OauthClientRegistration,
): Promise<void> {
  const values = {
    secret_hash: hashSecret(client.secret),
    redirect_uris: JSON.stringify(client.redirectUris),
    allowed_scopes: JSON.stringify(client.allowedScopes),
    description: client.description,
    server_id: client.serverId,
    service_id: client.serviceId,
  }
  await tx.db
    .insertInto('oauth_clients')
    .values({ ...values, client_id: client.clientId, created_at: client.createdAtMs })
    .onConflict((conflict) => conflict.column('client_id').doUpdateSet(values))
    .execute()
  tx.changed('oauth-client', client.clientId)
}

/**
 * Removes the clients of a server or service, but `except`, with everything that people gave them: codes and tokens. Who gets the name after
 * them has to ask anew.
 */
export async function removeOauthClients(
  tx: StoreTransaction,
  owner: { readonly serverId: number } | { readonly serviceId: number },
  { except }: { readonly except?: string } = {},
): Promise<void> {
  const [column, id] =
    'serverId' in owner
      ? (['server_id', owner.serverId] as const)
      : (['service_id', owner.serviceId] as const)
  const ofOwner = tx.db.deleteFrom('oauth_clients').where(column, '=', id)
  const gone = await (except === undefined ? ofOwner : ofOwner.where('client_id', '!=', except))
    .returning('client_id')
    .execute()
  if (gone.length === 0) return
  const ids = gone.map((client) => client.client_id)
  for (const clientId of ids) tx.changed('oauth-client', clientId)
  await tx.db.deleteFrom('oauth_codes').where('client_id', 'in', ids).execute()
  const tokens = await tx.db.deleteFrom('tokens').where('client_id', 'in', ids).returning('hash').execute()
  for (const { hash } of tokens) tx.changed('token', hash)
}

export async function findOauthClient(
  db: ReadableDatabase,
  clientId: string,
): Promise<OauthClient | undefined> {
  const row = await selectClient(db, clientId)
  return row && parseRow(row)
}

/** The client, if `secret` is its own; undefined does not tell whether the client or the secret was wrong. */
export async function authenticateOauthClient(
  db: ReadableDatabase,
  clientId: string,
  secret: string,
): Promise<OauthClient | undefined> {
  const row = await selectClient(db, clientId)
  // Compared even without a client: the time does not tell which clients exist.
  const isRight = isSameSecret(hashSecret(secret), row?.secret_hash ?? '')
  return row !== undefined && isRight ? parseRow(row) : undefined
}

interface OauthClientRow {
  client_id: string
  redirect_uris: string
  allowed_scopes: string
  description: string
  secret_hash: string
  user: string | null
  server: string | null
  service: string | null
}

function selectClient(db: ReadableDatabase, clientId: string): Promise<OauthClientRow | undefined> {
  return db
    .selectFrom('oauth_clients')
    .leftJoin('servers', 'servers.id', 'oauth_clients.server_id')
    .leftJoin('users', 'users.id', 'servers.user_id')
    .leftJoin('services', 'services.id', 'oauth_clients.service_id')
    .select(['client_id', 'redirect_uris', 'allowed_scopes', 'oauth_clients.description', 'secret_hash'])
    .select(['users.name as user', 'servers.name as server', 'services.name as service'])
    .where('client_id', '=', clientId)
    .executeTakeFirst()
}

function parseRow(row: OauthClientRow): OauthClient | undefined {
  const target = parseTarget(row)
  return (
    target && {
      clientId: row.client_id,
      redirectUris: JSON.parse(row.redirect_uris),
      allowedScopes: JSON.parse(row.allowed_scopes),
      description: row.description,
      target,
    }
  )
}

function parseTarget({ user, server, service }: OauthClientRow): GrantClient | undefined {
  if (user !== null && server !== null) return { kind: 'server', user, server }
  return service === null ? undefined : { kind: 'service', service }
}
