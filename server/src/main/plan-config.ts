import { applyServiceConfig } from '#hub/configured-services.ts'
import type { ServiceConfig } from '#hub/service-config.ts'
import { applyIdentityConfig } from '#identity/apply-config.ts'
import type { IdentityConfig } from '#identity/identity-config.ts'
import type { Clock } from '#platform/clock.ts'
import type { ChangeTopic, ReadableDatabase, Store, StoreTransaction } from '#store/store.ts'

/** One thing that a start with a configuration would do. */
export interface PlannedChange {
  action: 'create' | 'change' | 'remove' | 'migrate'
  kind: 'platform' | 'schema' | 'user' | 'group' | 'role' | 'service'
  name: string
}

const tables = { user: 'users', group: 'groups', role: 'roles', service: 'services' } as const
type Kind = keyof typeof tables

/** Ends the transaction of a plan; what it would have done is known by then. */
class Rollback extends Error {}

/**
 * What the configuration would change in the store: it is applied, by the same code as at a start, in a transaction that is rolled back. So a
 * plan cannot differ from what is done.
 */
export async function planConfig(
  store: Store,
  clock: Clock,
  wanted: { identity: IdentityConfig; services: readonly ServiceConfig[] },
): Promise<readonly PlannedChange[]> {
  const changed = new Map<string, { kind: Kind; name: string }>()
  let changes: readonly PlannedChange[] = []
  const attempt = store.transaction(async (tx) => {
    const before = await readNames(tx.db)
    const inside = buildInnerStore(store, tx, (topic, name) => {
      if (isKind(topic)) changed.set(`${topic} ${name}`, { kind: topic, name })
    })
    await applyServiceConfig({ store: inside, clock }, wanted.services)
    await applyIdentityConfig({ store: inside, clock }, wanted.identity)
    const after = await readNames(tx.db)
    changes = [...changed.values()].flatMap(({ kind, name }) =>
      describe(kind, name, before[kind].has(name), after[kind].has(name)),
    )
    throw new Rollback()
  })
  await attempt.catch((error: unknown) => {
    if (!(error instanceof Rollback)) throw error
  })
  return changes.toSorted((a, b) => (`${a.kind} ${a.name}` < `${b.kind} ${b.name}` ? -1 : 1))
}

function describe(kind: Kind, name: string, was: boolean, is: boolean): readonly PlannedChange[] {
  if (!was && !is) return []
  return [{ action: was ? (is ? 'change' : 'remove') : 'create', kind, name }]
}

/** Its transactions are parts of the one that is open. */
function buildInnerStore(
  store: Store,
  tx: StoreTransaction,
  onChanged: (topic: ChangeTopic, key: string) => void,
): Store {
  return {
    ...store,
    db: tx.db,
    transaction: (work) => work({ db: tx.db, changed: onChanged, afterCommit: () => {} }),
  }
}

async function readNames(db: ReadableDatabase): Promise<Record<Kind, ReadonlySet<string>>> {
  const read = async (kind: Kind) =>
    new Set((await db.selectFrom(tables[kind]).select('name').execute()).map(({ name }) => name))
  return {
    user: await read('user'),
    group: await read('group'),
    role: await read('role'),
    service: await read('service'),
  }
}

function isKind(topic: ChangeTopic): topic is Kind {
  return Object.hasOwn(tables, topic)
}
