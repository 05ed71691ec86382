import { type FilterKind, filterKinds } from '@atrium/contract/permissions.ts'

import { type IsMember, parseFilters, type ScopeNames } from './scope-set.ts'

/**
 * What two sets of expanded scopes have in common, by what they cover and not by how they are written: a server is within its user, a user
 * within their groups. As in JupyterHub, two different groups have nothing in common even when they share members.
 */
export function intersectScopes(
  a: Iterable<string>,
  b: Iterable<string>,
  isMember: IsMember,
): ReadonlySet<string> {
  const filtersOfB = parseFilters(b)
  const common = new Set<string>()
  for (const [scope, ofA] of parseFilters(a)) {
    const ofB = filtersOfB.get(scope)
    if (ofB === undefined) continue
    if (ofA === 'all' && ofB === 'all') common.add(scope)
    else if (ofA === 'all') addNames(common, scope, ofB as ScopeNames)
    else if (ofB === 'all') addNames(common, scope, ofA)
    else {
      addCovered(common, scope, ofA, ofB, isMember)
      addCovered(common, scope, ofB, ofA, isMember)
    }
  }
  return common
}

function addNames(common: Set<string>, scope: string, names: ScopeNames): void {
  for (const kind of filterKinds) {
    for (const name of names[kind] ?? []) common.add(`${scope}!${kind}=${name}`)
  }
}

/** Adds what of `names` lies within `limits`. */
function addCovered(
  common: Set<string>,
  scope: string,
  names: ScopeNames,
  limits: ScopeNames,
  isMember: IsMember,
): void {
  for (const kind of filterKinds) {
    for (const name of names[kind] ?? []) {
      if (isWithin(kind, name, limits, isMember)) common.add(`${scope}!${kind}=${name}`)
    }
  }
}

function isWithin(kind: FilterKind, name: string, limits: ScopeNames, isMember: IsMember): boolean {
  if (limits[kind]?.has(name)) return true
  if (kind === 'group' || kind === 'service') return false
  const user = kind === 'server' ? name.slice(0, name.indexOf('/')) : name
  if (kind === 'server' && limits.user?.has(user)) return true
  for (const group of limits.group ?? []) if (isMember(group, user)) return true
  return false
}
