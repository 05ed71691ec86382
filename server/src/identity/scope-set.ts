import type { FilterKind } from '@atrium/contract/permissions.ts'

/** One thing that a scope can be asked for. The default server's name is empty. */
export type Resource =
  | { user: string; server?: undefined }
  | { user: string; server: string }
  | { group: string }
  | { service: string }

/** The names that a scope is limited to. Servers are `USER/SERVER`; a name counts when any kind covers it. */
export type ScopeNames = { readonly [kind in FilterKind]?: ReadonlySet<string> }

/** What a held scope covers. */
export type ScopeFilter = 'all' | ScopeNames

/** Says whether `user` is in `group`, from memory. */
export type IsMember = (group: string, user: string) => boolean

/** Expanded scopes, made to be asked often. Immutable. */
export interface ScopeSet {
  /** `read:users`, `servers!user=alice`, sorted; nothing like `self`, `inherit` or `!user` without a name. */
  readonly expanded: readonly string[]
  /** What the scope covers; undefined when it is not held at all. */
  filterOf(scope: string): ScopeFilter | undefined
  /** Held for `resource`; without one, held without any filter. */
  allows(scope: string, resource?: Resource): boolean
}

/** Builds the set from expanded scopes. Throws on a filter without a name. */
export function buildScopeSet(expanded: Iterable<string>, isMember: IsMember): ScopeSet {
  const sorted = [...new Set(expanded)].sort()
  const filters = parseFilters(sorted)
  return {
    expanded: sorted,
    filterOf: (scope) => filters.get(scope),
    allows(scope, resource) {
      const filter = filters.get(scope)
      if (filter === undefined) return false
      if (filter === 'all') return true
      return resource !== undefined && covers(filter, resource, isMember)
    },
  }
}

/** The scopes by name, with everything their filters name. */
export function parseFilters(expanded: Iterable<string>): ReadonlyMap<string, ScopeFilter> {
  const filters = new Map<string, 'all' | { [kind in FilterKind]?: Set<string> }>()
  for (const text of expanded) {
    const { scope, kind, name } = parseScope(text)
    const known = filters.get(scope)
    if (known === 'all') continue
    if (kind === undefined) {
      filters.set(scope, 'all')
      continue
    }
    if (name === undefined) throw new Error(`scope ${text} has a filter without a name`)
    const names = known ?? {}
    names[kind] = (names[kind] ?? new Set()).add(name)
    filters.set(scope, names)
  }
  return filters
}

/** A scope as written: `servers`, `servers!user` (name undefined), `servers!user=alice`. */
export interface ParsedScope {
  scope: string
  kind?: FilterKind
  name?: string
}

/** Takes a scope apart. It does not check that the parts exist. */
export function parseScope(text: string): ParsedScope {
  const bang = text.indexOf('!')
  if (bang < 0) return { scope: text }
  const scope = text.slice(0, bang)
  const equals = text.indexOf('=', bang)
  const kind = text.slice(bang + 1, equals < 0 ? undefined : equals) as FilterKind
  return equals < 0 || equals === text.length - 1
    ? { scope, kind }
    : { scope, kind, name: text.slice(equals + 1) }
}

function covers(filter: ScopeNames, resource: Resource, isMember: IsMember): boolean {
  if ('group' in resource) return filter.group?.has(resource.group) ?? false
  if ('service' in resource) return filter.service?.has(resource.service) ?? false
  if (resource.server !== undefined && filter.server?.has(`${resource.user}/${resource.server}`)) return true
  return coversUser(filter, resource.user, isMember)
}

/** A filter on a group covers its members and their servers, but `group` itself is for groups' own scopes. */
function coversUser(filter: ScopeNames, user: string, isMember: IsMember): boolean {
  if (filter.user?.has(user)) return true
  if (filter.group === undefined) return false
  for (const group of filter.group) if (isMember(group, user)) return true
  return false
}
