import type { Scope } from '@atrium/contract/permissions.ts'

import { hasScope, type Principal, requireScope } from '#identity/principal.ts'
import type { Users } from '#identity/users.ts'

/**
 * Whose things a listing shows: the named user's, else everybody's (`{}`) to who holds `scope` without a filter, else the caller's own.
 * Undefined: there can be none. Throws as `requireScope` for a named user whom the scope does not cover.
 */
export async function findListedOwner(
  users: Pick<Users, 'find'>,
  principal: Principal,
  { user, scope }: { user: string | undefined; scope: Scope },
): Promise<{ userId?: number } | undefined> {
  const mine = principal.kind === 'user' ? principal.name : undefined
  const seesAll = hasScope(principal, scope)
  const wanted = user ?? (seesAll ? undefined : mine)
  if (wanted === undefined) return seesAll ? {} : undefined
  requireScope(principal, [scope], { user: wanted })
  const owner = await users.find(wanted)
  return owner === undefined ? undefined : { userId: owner.id }
}
