import type { Clock } from '#platform/clock.ts'
import { createSecret, hashSecret } from '#platform/secret.ts'
import type { Store, StoreTransaction } from '#store/store.ts'
import type { CodeChallenge } from './code-challenge.ts'

/** RFC 6749 section 4.1.2 recommends ten minutes at most; JupyterHub gives five. */
const codeLifetimeMs = 5 * 60_000

/** What a code stands for. */
export interface AuthorizationGrant {
  clientId: string
  userId: number
  /** The browser session that granted it; its tokens end with it. */
  sessionId: string
  redirectUri: string
  scopes: readonly string[]
  codeChallenge: CodeChallenge | undefined
}

/** A grant as it is read back. */
export interface StoredGrant extends Omit<AuthorizationGrant, 'sessionId'> {
  sessionId: string | null
}

/** Authorization codes in the store: any replica redeems what another one issued, and only one of them does. */
export interface AuthorizationCodes {
  /** Answers the code; only its hash is kept. */
  issue(grant: AuthorizationGrant): Promise<string>
  /** What the code stands for; undefined when it is unknown, expired, used or another client's. */
  find(code: string, clientId: string): Promise<StoredGrant | undefined>
  /** Uses the code up. Deleting is what redeems: of two requests at the same time one finds nothing and is answered false. */
  redeem(tx: StoreTransaction, code: string): Promise<boolean>
}

export function createAuthorizationCodes({
  store,
  clock,
}: {
  store: Store
  clock: Clock
}): AuthorizationCodes {
  return {
    async issue(grant) {
      const code = createSecret()
      // Codes nobody came back for go when the next one is issued.
      await store.db.deleteFrom('oauth_codes').where('expires_at', '<=', clock.now()).execute()
      await store.db
        .insertInto('oauth_codes')
        .values({
          hash: hashSecret(code),
          client_id: grant.clientId,
          user_id: grant.userId,
          session_id: grant.sessionId,
          redirect_uri: grant.redirectUri,
          scopes: JSON.stringify(grant.scopes),
          code_challenge: grant.codeChallenge?.value ?? null,
          code_challenge_method: grant.codeChallenge?.method ?? null,
          expires_at: clock.now() + codeLifetimeMs,
        })
        .execute()
      return code
    },
    async find(code, clientId) {
      const row = await store.db
        .selectFrom('oauth_codes')
        .selectAll()
        .where('hash', '=', hashSecret(code))
        .where('client_id', '=', clientId)
        .executeTakeFirst()
      if (row === undefined || row.expires_at <= clock.now()) return undefined
      return {
        clientId: row.client_id,
        userId: row.user_id,
        sessionId: row.session_id,
        redirectUri: row.redirect_uri,
        scopes: JSON.parse(row.scopes),
        codeChallenge: parseChallenge(row.code_challenge, row.code_challenge_method),
      }
    },
    async redeem(tx, code) {
      const deleted = await tx.db
        .deleteFrom('oauth_codes')
        .where('hash', '=', hashSecret(code))
        .returning('id')
        .executeTakeFirst()
      return deleted !== undefined
    },
  }
}

function parseChallenge(value: string | null, method: string | null): CodeChallenge | undefined {
  if (value === null) return undefined
  return { value, method: method === 'S256' ? 'S256' : 'plain' }
}
