import type { OauthConsent } from '@atrium/contract/portal-page.ts'

import { describeScope } from '#identity/describe-scope.ts'
import type { OauthClient } from '#identity/oauth-clients.ts'
import type { Token } from '#identity/tokens.ts'
import { listRequiredScopes } from './requested-scopes.ts'

/**
 * Whether the person is asked. As in JupyterHub not for their own server, not for clients an administrator trusts, and not when they have
 * granted the same to this client before.
 */
export function needsConsent(
  client: OauthClient,
  scopes: readonly string[],
  context: { user: string; tokens: readonly Token[]; trustedClients: ReadonlySet<string> },
): boolean {
  if (client.target.kind === 'server' && client.target.user === context.user) return false
  if (context.trustedClients.has(client.clientId)) return false
  const granted = context.tokens
    .filter((token) => token.clientId === client.clientId)
    .flatMap((token) => token.scopes)
  return granted.length === 0 || !new Set(scopes).isSubsetOf(new Set(granted))
}

/** The question in words. What goes without saying, access to the client itself and the person's name, is said only if nothing else is. */
export function buildConsent(
  client: OauthClient,
  scopes: readonly string[],
  { redirectUri, host }: { redirectUri: string; host: string },
): OauthConsent {
  const required = listRequiredScopes(client)
  const asked = scopes.filter((scope) => !required.includes(scope))
  return {
    clientId: client.clientId,
    clientName: client.description,
    redirectHost: redirectUri.startsWith('/') ? host : new URL(redirectUri).host,
    scopes: (asked.length === 0 ? ['(no_scope)'] : asked).map(describeScope),
  }
}
