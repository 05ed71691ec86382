import { hashSecret, isSameSecret } from '#platform/secret.ts'
import type { ReadableDatabase, StoreTransaction } from '#store/store.ts'

/** An application that signs people in through the platform: a user's server or a service. */
export interface OauthClient {
  id: number
  /** `jupyterhub-user-alice`, `service-stats`. */
  clientId: string
  /** Where answers may go, compared character by character. */
  redirectUris: readonly string[]
  /** What its tokens may carry besides the holder's name and access to itself. */
  allowedScopes: readonly string[]
  /** Shown on the consent page. */
  description: string
  /** The server or the service it stands for: exactly one is set. */
  serverId: number | null
  serviceId: number | null
}

/** A client to be registered. `secret` is the server's or service's own API token, as JupyterHub has it; only its hash is kept. */
export interface OauthClientRegistration extends Omit<OauthClient, 'id'> {
  secret: string
  createdAtMs: number
}

/** Registers a client, or changes the registered one of the same id. It goes with its server or service. */
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

export async function findOauthClient(
  db: ReadableDatabase,
  clientId: string,
): Promise<OauthClient | undefined> {
  const row = await db
    .selectFrom('oauth_clients')
    .selectAll()
    .where('client_id', '=', clientId)
    .executeTakeFirst()
  return row && parseRow(row)
}

/** The client, if `secret` is its own; undefined does not tell whether the client or the secret was wrong. */
export async function authenticateOauthClient(
  db: ReadableDatabase,
  clientId: string,
  secret: string,
): Promise<OauthClient | undefined> {
  const row = await db
    .selectFrom('oauth_clients')
    .selectAll()
    .where('client_id', '=', clientId)
    .executeTakeFirst()
  // Compared even without a client: the time does not tell which clients exist.
  const isRight = isSameSecret(hashSecret(secret), row?.secret_hash ?? '')
  return row !== undefined && isRight ? parseRow(row) : undefined
}

interface OauthClientRow {
  id: number
  client_id: string
  redirect_uris: string
  allowed_scopes: string
  description: string
  server_id: number | null
  service_id: number | null
}

function parseRow(row: OauthClientRow): OauthClient {
  return {
    id: row.id,
    clientId: row.client_id,
    redirectUris: JSON.parse(row.redirect_uris),
    allowedScopes: JSON.parse(row.allowed_scopes),
    description: row.description,
    serverId: row.server_id,
    serviceId: row.service_id,
  }
}
