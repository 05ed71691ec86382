import type { Clock } from '#platform/clock.ts'
import type { StoreTransaction } from '#store/store.ts'

/** On whose behalf something is done. */
export interface Actor {
  /** `user:alice`, `service:culler`, `system`. */
  readonly name: string
  /** The client's address, when a request asked for it. */
  readonly remote?: string
}

/** The platform itself: start-up, configuration, time limits. */
export const systemActor: Actor = { name: 'system' }

/** One line of the audit trail. */
export interface AuditEntry {
  readonly actor: Actor
  /** `SUBJECT.VERB`: `user.create`, `token.revoke`. */
  readonly action: string
  /** `user:alice`, `group:physics`, `token:a17`. */
  readonly target: string
  /** Default `ok`. `refused`: it was tried and not allowed. */
  readonly outcome?: 'ok' | 'refused'
  /** What helps to understand it later; never secrets. */
  readonly detail?: Readonly<Record<string, unknown>>
}

/** Writes who did what, in the transaction that does it: neither is kept without the other. */
export async function recordAudit(tx: StoreTransaction, clock: Clock, entry: AuditEntry): Promise<void> {
  await recordAudits(tx, clock, [entry])
}

/** The same of many things that were done at once. */
export async function recordAudits(
  tx: StoreTransaction,
  clock: Clock,
  entries: readonly AuditEntry[],
): Promise<void> {
  for (let start = 0; start < entries.length; start += entriesPerStatement) {
    const part = entries.slice(start, start + entriesPerStatement)
    await tx.db
      .insertInto('audit_events')
      .values(part.map((entry) => buildRow(entry, clock.now())))
      .execute()
  }
}

/** Databases limit how many values one statement takes. */
const entriesPerStatement = 1000

function buildRow(entry: AuditEntry, atMs: number) {
  return {
    at: atMs,
    actor: entry.actor.name,
    action: entry.action,
    target: entry.target,
    outcome: entry.outcome ?? ('ok' as const),
    detail: JSON.stringify(entry.detail ?? {}),
    remote: entry.actor.remote ?? null,
  }
}
