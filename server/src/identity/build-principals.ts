import type { ReadableDatabase } from '#store/store.ts'
import type { CredentialRecord } from './credential-records.ts'
import {
  buildAccessScope,
  buildIdentifyScopes,
  expandScopes,
  listFilterGroups,
  reduceScopes,
} from './expand-scopes.ts'
import { hubClientId } from './hub-client-id.ts'
import { intersectScopes } from './intersect-scopes.ts'
import { readMemberships } from './memberships.ts'
import { type OwnerScopes, readScopesOfServices, readScopesOfUsers } from './owner-scopes.ts'
import type { Principal, SessionPrincipal } from './principal.ts'
import { buildScopeSet, type IsMember } from './scope-set.ts'

/** A principal, and when it must be made anew. */
export interface BuiltPrincipal {
  readonly record: CredentialRecord
  readonly principal: Principal
  /** Groups whose change may change it. */
  readonly groups: ReadonlySet<string>
  /** When it, or something that it rests on, expires. */
  readonly validUntilMs: number
}

/** Builds the principals of credentials: a handful of queries, however many there are. */
export async function buildPrincipals(
  db: ReadableDatabase,
  records: readonly CredentialRecord[],
  nowMs: number,
): Promise<readonly BuiltPrincipal[]> {
  if (records.length === 0) return []
  if (records.length === 0) return []
  const idsOf = (kind: CredentialRecord['ownerKind']) => [
    ...new Set(records.filter(({ ownerKind }) => ownerKind === kind).map(({ ownerId }) => ownerId)),
  ]
  const owners = {
    user: await readScopesOfUsers(db, idsOf('user'), nowMs),
    service: await readScopesOfServices(db, idsOf('service')),
  }
  const prepared = records.flatMap((record) => {
    const owner = owners[record.ownerKind].get(record.ownerId)
    return owner === undefined ? [] : [{ record, owner, wanted: expandTokenScopes(record, owner) }]
  })
  const groups = new Set(
    prepared.flatMap(({ owner, wanted }) => [
      ...listFilterGroups(owner.expanded),
      ...listFilterGroups(wanted ?? []),
    ]),
  )
  const isMember = await readMemberships(db, groups)
  return prepared.map(({ record, owner, wanted }) => buildPrincipal(record, owner, wanted, isMember))
}

/** What the token asks for, expanded; undefined: all its owner may do. */
function expandTokenScopes(
  record: CredentialRecord,
  { owner }: OwnerScopes,
): ReadonlySet<string> | undefined {
  if (record.scopes.includes('inherit')) return undefined
  const expanded = expandScopes(record.scopes, { owner, client: record.client })
  const entry =
    record.client !== undefined && record.clientId !== hubClientId ? [buildAccessScope(record.client)] : []
  return reduceScopes(new Set([...expanded, ...entry, ...buildIdentifyScopes(owner)]))
}

function buildPrincipal(
  record: CredentialRecord,
  { owner, expanded, groups, validUntilMs }: OwnerScopes,
  wanted: ReadonlySet<string> | undefined,
  isMember: IsMember,
): BuiltPrincipal {
  const allowed = wanted === undefined ? expanded : intersectScopes(wanted, expanded, isMember)
  const base = {
    id: owner.id,
    name: owner.name,
    admin: owner.admin,
    scopes: buildScopeSet(allowed, isMember),
  }
  return {
    record,
    principal: addCredential(base, record),
    groups: new Set([...groups, ...listFilterGroups(wanted ?? [])]),
    validUntilMs: Math.min(validUntilMs, record.expiresAtMs ?? Number.POSITIVE_INFINITY),
  }
}

type PrincipalBase = Pick<Principal, 'id' | 'name' | 'admin' | 'scopes'>

function addCredential(base: PrincipalBase, record: CredentialRecord): Principal {
  if (record.kind === 'session') {
    const principal: SessionPrincipal = {
      ...base,
      kind: 'user',
      credential: {
        kind: 'session',
        id: record.id,
        sessionId: record.sessionId ?? '',
        expiresAtMs: record.expiresAtMs ?? 0,
      },
    }
    return principal
  }
  const { id, clientId, sessionId, expiresAtMs, serverId } = record
  return {
    ...base,
    kind: record.ownerKind,
    credential: { kind: 'token', id, clientId, sessionId, expiresAtMs, serverId },
  }
}
