import type { Clock } from '#platform/clock.ts'
import type { Store } from '#store/store.ts'
import type { CredentialOwner } from './credential-owner.ts'
import { expandScopes, listFilterGroups, type ScopeClient } from './expand-scopes.ts'
import { intersectScopes } from './intersect-scopes.ts'
import { readMemberships } from './memberships.ts'
import { readScopesOfServices, readScopesOfUsers } from './owner-scopes.ts'
import { buildScopeSet, type ScopeSet } from './scope-set.ts'

/** The OAuth client that a token is asked for by, as far as scopes are concerned. */
export type GrantClient = ScopeClient

/** What is left of what was asked for. */
export interface GrantDecision {
  /** In the shortest writing: what is allowed as a whole stays as written, what is partly allowed becomes its allowed parts. */
  readonly allowed: readonly string[]
  /** What was not allowed as a whole. */
  readonly refused: readonly string[]
}

/** Decides what a token may carry. */
export interface Grants {
  /** Fully expanded scopes that the owner holds now: roles, groups' roles and shares. */
  scopesOf(owner: CredentialOwner): Promise<readonly string[]>
  /** The same, to be asked. */
  scopeSetOf(owner: CredentialOwner): Promise<ScopeSet>
  /** Cuts what is asked for, by `client` in the name of `user`, to what is held. Both may be written in any way. */
  resolve(
    requested: readonly string[],
    held: readonly string[],
    user: CredentialOwner,
    client?: GrantClient,
  ): Promise<GrantDecision>
}

/** See `Grants`. */
export function createGrants({ store, clock }: { store: Store; clock: Clock }): Grants {
  async function readExpanded({ kind, id }: CredentialOwner): Promise<ReadonlySet<string>> {
    const found =
      kind === 'user'
        ? await readScopesOfUsers(store.db, [id], clock.now())
        : await readScopesOfServices(store.db, [id])
    return found.get(id)?.expanded ?? new Set()
  }

  return {
    scopesOf: async (owner) => [...(await readExpanded(owner))].sort(),

    async scopeSetOf(owner) {
      const expanded = await readExpanded(owner)
      return buildScopeSet(expanded, await readMemberships(store.db, listFilterGroups(expanded)))
    },

    async resolve(requested, held, owner, client) {
      const context = { owner, client }
      const expandedHeld = expandScopes(held, context)
      const wanted = requested.map((written) => ({ written, expanded: expandScopes([written], context) }))
      const groups = wanted.flatMap(({ expanded }) => [...listFilterGroups(expanded)])
      const isMember = await readMemberships(
        store.db,
        new Set([...groups, ...listFilterGroups(expandedHeld)]),
      )
      const allowed = new Set<string>()
      const refused: string[] = []
      for (const { written, expanded } of wanted) {
        if (held.includes(written)) {
          allowed.add(written)
          continue
        }
        const common = intersectScopes(expanded, expandedHeld, isMember)
        const isWhole = expanded.size > 0 && [...expanded].every((scope) => common.has(scope))
        if (isWhole) allowed.add(written)
        else {
          refused.push(written)
          for (const scope of common) allowed.add(scope)
        }
      }
      return { allowed: [...allowed], refused }
    },
  }
}
