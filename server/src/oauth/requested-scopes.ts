import { findScopeProblem } from '#identity/check-scopes.ts'
import type { CredentialOwner } from '#identity/credential-owner.ts'
import type { Grants } from '#identity/grants.ts'
import type { OauthClient } from '#identity/oauth-clients.ts'
import type { Roles } from '#identity/roles.ts'
import { OauthError } from './oauth-error.ts'

/** Every OAuth token may say whose it is. */
const identifyScopes = ['read:users:name!user', 'read:users:groups!user'] as const

/** What every token of this client carries: the holder's name and groups, and access to the client itself. */
export function listRequiredScopes({ target }: OauthClient): readonly string[] {
  const access =
    target.kind === 'server'
      ? `access:servers!server=${target.user}/${target.server}`
      : `access:services!service=${target.service}`
  return [...identifyScopes, access]
}

/**
 * RFC 6749 section 3.3, in JupyterHub's way: what was requested, or the client's default, with what is always granted. Names of roles stand
 * for their scopes, and `identify` for nothing, as before JupyterHub 2. Throws `OauthError` `invalid_scope` for scopes that do not exist.
 */
export async function expandRequest(
  requested: readonly string[] | undefined,
  client: OauthClient,
  roles: Roles,
): Promise<readonly string[]> {
  const named = requested?.filter((scope) => scope !== 'identify')
  const scopes = named === undefined ? client.allowedScopes : await replaceRoles(named, roles)
  return [...new Set([...scopes, ...listRequiredScopes(client)])]
}

/** Throws `OauthError` `invalid_scope` when the client asks for more than it is registered for. */
export async function checkClientScopes(
  scopes: readonly string[],
  client: OauthClient,
  user: CredentialOwner,
  grants: Grants,
): Promise<void> {
  const held = [...client.allowedScopes, ...listRequiredScopes(client)]
  const { refused } = await grants.resolve(scopes, held, user, client.target)
  if (refused.length > 0) {
    throw new OauthError('invalid_scope', { detail: `not allowed for this client: ${refused.join(', ')}` })
  }
}

/** What of `scopes` the user can give: what they hold themselves. Less than requested is no error. */
export async function cutToUser(
  scopes: readonly string[],
  client: OauthClient,
  user: CredentialOwner,
  grants: Grants,
): Promise<readonly string[]> {
  const held = [...(await grants.scopesOf(user)), 'inherit', ...listRequiredScopes(client)]
  const { allowed } = await grants.resolve(scopes, held, user, client.target)
  return allowed
}

async function replaceRoles(names: readonly string[], roles: Roles): Promise<readonly string[]> {
  if (findScopeProblem(names, 'token') === undefined) return names
  const found = await Promise.all(names.map((name) => roles.find(name)))
  return found.flatMap((role) => {
    if (role === undefined)
      throw new OauthError('invalid_scope', { detail: `no such scopes: ${names.join(', ')}` })
    return role.scopes
  })
}
