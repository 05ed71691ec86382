import type { EdgeChange, EdgeCredential } from '#edge/edge.ts'
import type { Clock } from '#platform/clock.ts'
import type { Change, ReadableDatabase, Store } from '#store/store.ts'
import { type BuiltPrincipal, buildPrincipals } from './build-principals.ts'
import { type CredentialSelection, readSessions, readTokens } from './credential-records.ts'
import { readMembers } from './memberships.ts'
import { subjectsOf } from './principal-cache.ts'

/** Sessions and tokens as the edge has to know them. One instance follows one edge. */
export interface EdgeCredentials {
  /** All that are good now. */
  list(): Promise<readonly EdgeCredential[]>
  /** What the store's changes mean for what the edge was told; the same change may come again. */
  follow(changes: readonly Change[]): Promise<readonly EdgeChange[]>
}

/** What the edge was told of one credential. */
interface Told {
  readonly text: string
  readonly subjects: readonly string[]
}

/** See `EdgeCredentials`. */
export function createEdgeCredentials(options: {
  readonly store: Store
  readonly clock: Clock
}): EdgeCredentials {
  return new FollowedCredentials(options)
}

class FollowedCredentials implements EdgeCredentials {
  readonly #store: Store
  readonly #clock: Clock
  readonly #told = new Map<string, Told>()
  /** Hashes by what a change must name to concern them. */
  readonly #bySubject = new Map<string, Set<string>>()

  constructor({ store, clock }: { readonly store: Store; readonly clock: Clock }) {
    this.#store = store
    this.#clock = clock
  }

  async list(): Promise<readonly EdgeCredential[]> {
    const found = await this.#read(['all'])
    this.#told.clear()
    this.#bySubject.clear()
    for (const [credential, subjects] of found) this.#remember(credential, subjects)
    return found.map(([credential]) => credential)
  }

  async follow(changes: readonly Change[]): Promise<readonly EdgeChange[]> {
    const named = nameSubjects(changes)
    const affected = new Set(named === 'all' ? this.#told.keys() : this.#findTold(named))
    const selections =
      named === 'all' ? (['all'] as const) : await selectNamed(this.#store.db, named, affected)
    const found = await this.#read(selections)
    const edgeChanges: EdgeChange[] = []
    for (const [credential, subjects] of found) {
      affected.delete(credential.hash)
      if (this.#told.get(credential.hash)?.text === JSON.stringify(credential)) continue
      this.#forget(credential.hash)
      this.#remember(credential, subjects)
      edgeChanges.push({ type: 'credential-put', credential })
    }
    for (const hash of affected) {
      if (!this.#told.has(hash)) continue
      this.#forget(hash)
      edgeChanges.push({ type: 'credential-delete', hash })
    }
    return edgeChanges
  }

  #findTold({ hashes, subjects }: NamedSubjects): readonly string[] {
    return [...hashes, ...[...subjects].flatMap((subject) => [...(this.#bySubject.get(subject) ?? [])])]
  }

  #remember(credential: EdgeCredential, subjects: readonly string[]): void {
    this.#told.set(credential.hash, { text: JSON.stringify(credential), subjects })
    for (const subject of subjects) {
      const known = this.#bySubject.get(subject)
      if (known === undefined) this.#bySubject.set(subject, new Set([credential.hash]))
      else known.add(credential.hash)
    }
  }

  #forget(hash: string): void {
    for (const subject of this.#told.get(hash)?.subjects ?? []) {
      const known = this.#bySubject.get(subject)
      known?.delete(hash)
      if (known?.size === 0) this.#bySubject.delete(subject)
    }
    this.#told.delete(hash)
  }

  async #read(
    selections: readonly CredentialSelection[],
  ): Promise<readonly (readonly [EdgeCredential, readonly string[]])[]> {
    const { db } = this.#store
    const nowMs = this.#clock.now()
    const records = []
    for (const selection of selections) {
      records.push(...(await readSessions(db, selection, nowMs)), ...(await readTokens(db, selection, nowMs)))
    }
    const unique = new Map(records.map((record) => [record.hash, record]))
    const built = await buildPrincipals(db, [...unique.values()], nowMs)
    const members = await readMembers(db, new Set(built.flatMap(listAccessGroups)))
    return built.map((one) => [buildEdgeCredential(one, members), subjectsOf(one)])
  }
}

interface NamedSubjects {
  readonly hashes: ReadonlySet<string>
  /** As `subjectsOf` writes them. */
  readonly subjects: ReadonlySet<string>
}

/** Whom the changes name; `all`: anybody may be concerned. */
function nameSubjects(changes: readonly Change[]): NamedSubjects | 'all' {
  const hashes = new Set<string>()
  const subjects = new Set<string>()
  for (const { topic, key } of changes) {
    switch (topic) {
      case 'token':
      case 'session':
        if (key === '*') return 'all'
        hashes.add(key)
        break
      case 'role':
        return 'all'
      case 'share':
        if (key === '*') return 'all'
        subjects.add(key)
        break
      case 'user':
      case 'group':
      case 'service':
      case 'oauth-client':
        if (key === '*') return 'all'
        subjects.add(`${topic} ${key}`)
        break
    }
  }
  return { hashes, subjects }
}

/** The credentials of who is named, whether the edge knows them or not. */
async function selectNamed(
  db: ReadableDatabase,
  { hashes, subjects }: NamedSubjects,
  told: ReadonlySet<string>,
): Promise<readonly CredentialSelection[]> {
  const named = (kind: string) =>
    [...subjects].flatMap((subject) =>
      subject.startsWith(`${kind} `) ? [subject.slice(kind.length + 1)] : [],
    )
  const [users, groups, services] = [named('user'), named('group'), named('service')]
  const userRows =
    users.length === 0 ? [] : await db.selectFrom('users').select('id').where('name', 'in', users).execute()
  const memberRows =
    groups.length === 0
      ? []
      : await db
          .selectFrom('group_members')
          .innerJoin('groups', 'groups.id', 'group_members.group_id')
          .select('user_id as id')
          .where('groups.name', 'in', groups)
          .execute()
  const serviceRows =
    services.length === 0
      ? []
      : await db.selectFrom('services').select('id').where('name', 'in', services).execute()
  const idsOf = (rows: readonly { readonly id: number }[]) => [...new Set(rows.map(({ id }) => id))]
  return [
    { hashes: [...new Set([...hashes, ...told])] },
    { userIds: idsOf([...userRows, ...memberRows]) },
    { serviceIds: idsOf(serviceRows) },
  ]
}

/** What the edge decides on. */
const accessScopes = ['access:servers', 'access:clusters'] as const

function listAccessGroups({ principal }: BuiltPrincipal): readonly string[] {
  return accessScopes.flatMap((scope) => {
    const filter = principal.scopes.filterOf(scope)
    return filter === undefined || filter === 'all' ? [] : [...(filter.group ?? [])]
  })
}

function buildEdgeCredential(
  { record, principal }: BuiltPrincipal,
  members: ReadonlyMap<string, ReadonlySet<string>>,
): EdgeCredential {
  return {
    hash: record.hash,
    kind: record.kind,
    subject: principal.name,
    ...(principal.kind === 'service' ? { service: true } : {}),
    ...(record.expiresAtMs === null ? {} : { expiresAtMs: record.expiresAtMs }),
    servers: listAccessible(principal, 'access:servers', members),
    clusters: listAccessible(principal, 'access:clusters', members),
  }
}

/** Users, and for `access:servers` single servers too; a server's filter says nothing of clusters. */
function listAccessible(
  { scopes }: BuiltPrincipal['principal'],
  scope: (typeof accessScopes)[number],
  members: ReadonlyMap<string, ReadonlySet<string>>,
): '*' | readonly string[] {
  const filter = scopes.filterOf(scope)
  if (filter === undefined) return []
  if (filter === 'all') return '*'
  const users = [...(filter.group ?? [])].flatMap((group) => [...(members.get(group) ?? [])])
  const servers = scope === 'access:servers' ? [...(filter.server ?? [])] : []
  return [...new Set([...(filter.user ?? []), ...users, ...servers])].sort()
}
