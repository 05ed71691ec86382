import { PlatformError } from '@atrium/contract/errors.ts'

import { findScopeProblem } from './check-scopes.ts'
import type { CredentialOwner } from './credential-owner.ts'
import { expandScopes } from './expand-scopes.ts'
import type { Grants } from './grants.ts'

/**
 * Throws `bad_request`, in JupyterHub's words, unless a token of `owner` may carry the scopes: they exist and the owner holds every part of
 * them.
 */
export async function assertGrantable(
  scopes: readonly string[],
  owner: CredentialOwner,
  grants: Grants,
): Promise<void> {
  const problem = findScopeProblem(scopes, 'token')
  if (problem !== undefined) throw new PlatformError('bad_request', { message: problem })
  const wanted = [...expandScopes(scopes, { owner })]
  if (wanted.length === 0) return
  const { refused } = await grants.resolve(wanted, await grants.scopesOf(owner), owner)
  if (refused.length === 0) return
  const kind = owner.kind === 'user' ? 'User' : 'Service'
  throw new PlatformError('bad_request', {
    message: `Not assigning requested scopes ${refused.join(',')} not held by ${kind} ${owner.name}`,
  })
}
