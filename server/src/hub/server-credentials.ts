import { hubClientId } from '#identity/hub-client-id.ts'
import { ensureOauthClient, removeOauthClients } from '#identity/oauth-clients.ts'
import type { Roles } from '#identity/roles.ts'
import type { Tokens } from '#identity/tokens.ts'
import type { Clock } from '#platform/clock.ts'
import type { StoreTransaction } from '#store/store.ts'

import { buildServerClientId, buildServerPath } from './server-paths.ts'
import type { ServerRecord } from './server-records.ts'

/** Without it a server cannot report its use, so it is always granted, as in JupyterHub. */
const activityScope = 'users:activity!user'

/** A running server's own token and its OAuth client, whose secret is that token. Both end with the run. */
export interface ServerCredentials {
  /** What the token will carry: the role `server`, for this server. Outside the transaction, since roles are read by another connection. */
  findScopes(server: { user: string; name: string }): Promise<readonly string[]>
  /** Replaces what an earlier run left. Answers the token's secret. */
  issue(tx: StoreTransaction, server: ServerRecord, scopes: readonly string[]): Promise<string>
  revoke(tx: StoreTransaction, server: ServerRecord): Promise<void>
}

interface ServerCredentialsOptions {
  tokens: Pick<Tokens, 'issue' | 'revokeOfServer'>
  roles: Pick<Roles, 'find'>
  clock: Clock
}

/** See `ServerCredentials`. */
export function createServerCredentials({
  tokens,
  roles,
  clock,
}: ServerCredentialsOptions): ServerCredentials {
  const revoke = async (tx: StoreTransaction, server: ServerRecord) => {
    await tokens.revokeOfServer(tx, server.id)
    // Browsers ask anew at the next run, which takes no click.
    await removeOauthClients(tx, { serverId: server.id })
  }
  return {
    revoke,
    async findScopes(server) {
      const role = await roles.find('server')
      return buildServerScopes(role?.scopes ?? [], server)
    },
    async issue(tx, server, scopes) {
      await revoke(tx, server)
      const path = buildServerPath(server.user, server.name)
      const { secret } = await tokens.issue(tx, {
        owner: { kind: 'user', id: server.userId, name: server.user },
        scopes,
        note: `Server at ${path}`,
        clientId: hubClientId,
        serverId: server.id,
      })
      await ensureOauthClient(tx, {
        clientId: buildServerClientId(server.user, server.name),
        secret,
        redirectUris: [`${path}oauth_callback`],
        allowedScopes: [],
        description: `Server at ${path}`,
        serverId: server.id,
        serviceId: null,
        createdAtMs: clock.now(),
      })
      return secret
    },
  }
}

/** `!server` means nothing to a token that no OAuth client asked for, so it is written out. */
export function buildServerScopes(
  role: readonly string[],
  server: { user: string; name: string },
): readonly string[] {
  const scopes = role.map((scope) =>
    scope.endsWith('!server') ? `${scope}=${server.user}/${server.name}` : scope,
  )
  const reports = scopes.some((scope) => [activityScope, 'users:activity', 'inherit'].includes(scope))
  return reports ? scopes : [...scopes, activityScope]
}
