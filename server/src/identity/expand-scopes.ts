import type { FilterKind } from '@atrium/contract/permissions.ts'
import { isScope, scopeTable, selfScopes } from '@atrium/contract/permissions.ts'
import { parseFilters, parseScope } from './scope-set.ts'

/** Whose scopes are expanded, for `self`, `!user` and `!service`. */
export interface ScopeOwner {
  readonly kind: 'user' | 'service'
  readonly name: string
}

/** The OAuth client that a token was given to, for `!server` and `!service`. */
export type ScopeClient =
  | { readonly kind: 'server'; readonly user: string; readonly server: string }
  | { readonly kind: 'service'; readonly service: string }

/**
 * Everything that written scopes come to: those they include, under the same filter, with the owner's names filled in. `self` is all that is
 * the user's own; a filter whose owner is missing (`!user` for a service) gives nothing, and neither does `inherit`, which is for tokens to
 * take in before. Names that are no scopes stay as they are and give nothing. Repeating it changes nothing.
 */
export function expandScopes(
  written: Iterable<string>,
  context: { owner?: ScopeOwner; client?: ScopeClient | undefined } = {},
): ReadonlySet<string> {
  const names = buildOwnNames(context)
  const expanded = new Set<string>()
  for (const text of written) {
    if (text === 'inherit') continue
    if (text === 'self') {
      for (const scope of expandSelf(context.owner)) expanded.add(scope)
      continue
    }
    const { scope, kind, name = kind === undefined ? undefined : names[kind] } = parseScope(text)
    if (kind !== undefined && name === undefined) continue
    const filter = kind === undefined ? '' : `!${kind}=${name}`
    for (const included of withIncluded(scope, kind)) expanded.add(included + filter)
  }
  return reduceScopes(expanded)
}

/** Leaves out what is covered by the same scope without a filter. */
export function reduceScopes(expanded: ReadonlySet<string>): ReadonlySet<string> {
  const reduced = new Set<string>()
  for (const text of expanded) {
    const bang = text.indexOf('!')
    if (bang < 0 || !expanded.has(text.slice(0, bang))) reduced.add(text)
  }
  return reduced
}

/** What every token may read of its owner, whatever else it may do. */
export function buildIdentifyScopes(owner: ScopeOwner): readonly string[] {
  return owner.kind === 'user'
    ? [`read:users:name!user=${owner.name}`, `read:users:groups!user=${owner.name}`]
    : [`read:services:name!service=${owner.name}`]
}

/** What a token needs to enter the client that asked for it. */
export function buildAccessScope(client: ScopeClient): string {
  return client.kind === 'server'
    ? `access:servers!server=${client.user}/${client.server}`
    : `access:services!service=${client.service}`
}

type OwnNames = { [kind in FilterKind]?: string }

function buildOwnNames({
  owner,
  client,
}: {
  owner?: ScopeOwner
  client?: ScopeClient | undefined
}): OwnNames {
  const names: OwnNames = {}
  if (owner !== undefined) names[owner.kind] = owner.name
  if (client?.kind === 'service') names.service = client.service
  if (client?.kind === 'server') names.server = `${client.user}/${client.server}`
  return names
}

function expandSelf(owner: ScopeOwner | undefined): ReadonlySet<string> {
  if (owner?.kind !== 'user') return new Set()
  return expandScopes(selfScopes.map((scope) => `${scope}!user=${owner.name}`))
}

/** A scope and all it includes. A server has no users: scopes to read them are not included under its filter. */
function withIncluded(scope: string, kind: FilterKind | undefined): ReadonlySet<string> {
  const found = new Set<string>()
  const add = (name: string) => {
    if (found.has(name) || (kind === 'server' && name.startsWith('read:user'))) return
    found.add(name)
    if (isScope(name)) for (const included of includedIn(name)) add(included)
  }
  add(scope)
  return found
}

function includedIn(scope: keyof typeof scopeTable): readonly string[] {
  const definition = scopeTable[scope]
  return 'includes' in definition ? definition.includes : []
}

/** Names of the groups that filters name: their members must be known to compare the scopes. */
export function listFilterGroups(expanded: Iterable<string>): ReadonlySet<string> {
  const groups = new Set<string>()
  for (const filter of parseFilters(expanded).values()) {
    if (filter !== 'all') for (const group of filter.group ?? []) groups.add(group)
  }
  return groups
}
