import type { JobKind } from '@atrium/contract/jobs.ts'
import { type Kysely, sql } from 'kysely'

import type { Clock } from '#platform/clock.ts'
import type { Store, StoreTransaction } from '#store/store.ts'
import type { Tables } from '#store/tables.ts'
import type { JobKey } from './job.ts'
import { splitKeys } from './job-store.ts'
import {
  findExcess,
  findLimits,
  noAmounts,
  type QuotaAmounts,
  type QuotaLimits,
  type QuotaObstacle,
  type QuotaReader,
  type QuotaSubject,
  quotaDimensions,
} from './quota.ts'
import { type FindSubjects, readSubjects } from './quota-subjects.ts'
import {
  buildSubjectKey,
  listQuotaUsage,
  readQuotaSums,
  readQuotaUsage,
  readSubjectNames,
} from './quota-usage.ts'

/** Serialises takers on PostgreSQL; any constant of our own. */
const advisoryLock = 4_172_830_001

/** A job that wants its share. */
export interface QuotaClaim {
  key: JobKey
  kind: JobKind
  userId: number | null
  groupId: number | null
  amounts: QuotaAmounts
}

/**
 * Who holds how much: one ledger for jobs of every kind, in the database, so that a share is taken and given back in the same transaction
 * as the job's change of state. Policy: first come, first served in the order of the claims. A claim that does not fit waits, and keeps
 * what it lacks from those behind it, so that small jobs cannot starve a large one; who does not need that is not held up.
 */
export interface QuotaLedger extends QuotaReader {
  /** Takes shares in order, of `atMost` claims. Safe with any number of replicas. */
  take(
    tx: StoreTransaction,
    claims: readonly QuotaClaim[],
    options?: { atMost?: number },
  ): Promise<QuotaOutcome>
  /** Gives shares back. Who holds none is no error. */
  giveBack(tx: StoreTransaction, keys: readonly JobKey[]): Promise<void>
  /** Why this can never fit, however little others use; undefined when it can. */
  findNeverFits(tx: StoreTransaction, claim: QuotaClaim): Promise<QuotaObstacle | undefined>
}

/** Claims that are in neither were not looked at: `atMost` had been reached. */
export interface QuotaOutcome {
  taken: readonly JobKey[]
  /** Why the others did not get theirs. */
  obstacles: ReadonlyMap<JobKey, QuotaObstacle>
}

interface Account {
  subject: QuotaSubject
  name: string
  limits: Partial<QuotaAmounts>
  used: QuotaAmounts
}

export function createQuotaLedger({
  store,
  clock,
  limits,
}: {
  store: Store
  clock: Clock
  limits: QuotaLimits
}): QuotaLedger {
  return {
    async take(tx, claims, { atMost = claims.length } = {}) {
      if (store.kind === 'postgres') await sql`select pg_advisory_xact_lock(${advisoryLock})`.execute(tx.db)
      const subjectsOf = await readSubjects(tx.db, claims)
      const accounts = await openAccounts(tx.db, limits, claims.flatMap(subjectsOf))
      const obstacles = new Map<JobKey, QuotaObstacle>()
      const taken: QuotaClaim[] = []
      for (const claim of claims) {
        if (taken.length >= atMost) break
        const mine = subjectsOf(claim).flatMap((subject) => accounts.get(buildSubjectKey(subject)) ?? [])
        const obstacle = takeOne(mine, claim.amounts)
        if (obstacle === undefined) taken.push(claim)
        else obstacles.set(claim.key, obstacle)
      }
      await insertEntries(tx, taken, { subjectsOf, takenAtMs: clock.now() })
      return { taken: taken.map(({ key }) => key), obstacles }
    },
    async giveBack(tx, keys) {
      for (const part of splitKeys(keys)) {
        await tx.db.deleteFrom('quota_entries').where('job_key', 'in', part).execute()
      }
    },
    async findNeverFits(tx, claim) {
      const subjects = (await readSubjects(tx.db, [claim]))(claim)
      const names = await readSubjectNames(tx.db, subjects)
      for (const subject of subjects) {
        const name = names.get(buildSubjectKey(subject)) ?? ''
        const excess = findExcess(noAmounts, claim.amounts, findLimits(limits, subject, name))
        if (excess !== undefined) return { subject, name, ...excess }
      }
      return undefined
    },
    async limitsOf({ userId, groupId = null }, tx) {
      const db = tx?.db ?? store.db
      const subjects = (await readSubjects(db, [{ userId, groupId }]))({ userId, groupId })
      const names = await readSubjectNames(db, subjects)
      return subjects.map((subject) => {
        const name = names.get(buildSubjectKey(subject)) ?? ''
        return { subject, name, limits: findLimits(limits, subject, name) }
      })
    },
    usage: (subject) => readQuotaUsage(store.db, limits, subject),
    list: () => listQuotaUsage(store.db, limits),
  }
}

/** Books one claim on its accounts, or blocks what it lacks. */
function takeOne(mine: readonly Account[], amounts: QuotaAmounts): QuotaObstacle | undefined {
  for (const account of mine) {
    const excess = findExcess(account.used, amounts, account.limits)
    if (excess === undefined) continue
    account.used = { ...account.used, [excess.dimension]: Number.POSITIVE_INFINITY }
    return { subject: account.subject, name: account.name, ...excess }
  }
  for (const account of mine) account.used = add(account.used, amounts)
  return undefined
}

async function openAccounts(
  db: Kysely<Tables>,
  limits: QuotaLimits,
  subjects: readonly QuotaSubject[],
): Promise<Map<string, Account>> {
  const names = await readSubjectNames(db, subjects)
  const sums = new Map((await readQuotaSums(db)).map((sum) => [buildSubjectKey(sum.subject), sum.used]))
  const accounts = new Map<string, Account>()
  for (const subject of subjects) {
    const key = buildSubjectKey(subject)
    if (accounts.has(key)) continue
    const name = names.get(key) ?? ''
    accounts.set(key, {
      subject,
      name,
      limits: findLimits(limits, subject, name),
      used: sums.get(key) ?? noAmounts,
    })
  }
  return accounts
}

async function insertEntries(
  tx: StoreTransaction,
  claims: readonly QuotaClaim[],
  { subjectsOf, takenAtMs }: { subjectsOf: FindSubjects; takenAtMs: number },
): Promise<void> {
  const rows = claims.flatMap(({ key, kind, amounts, ...claim }) =>
    subjectsOf(claim).map((subject) => ({
      job_key: key,
      subject_kind: subject.kind,
      subject_id: subject.kind === 'platform' ? 0 : subject.id,
      job_kind: kind,
      servers: amounts.servers,
      workers: amounts.workers,
      cpu: amounts.cpu,
      memory_bytes: amounts.memoryBytes,
      gpu: amounts.gpu,
      taken_at: takenAtMs,
    })),
  )
  for (const part of splitKeys(rows)) {
    await tx.db
      .insertInto('quota_entries')
      .values(part)
      .onConflict((conflict) => conflict.columns(['job_key', 'subject_kind', 'subject_id']).doNothing())
      .execute()
  }
}

function add(a: QuotaAmounts, b: QuotaAmounts): QuotaAmounts {
  const sum = { ...a }
  for (const dimension of quotaDimensions) sum[dimension] += b[dimension]
  return sum
}
