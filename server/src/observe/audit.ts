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
  await tx.db
    .insertInto('audit_events')
    .values({
      at: clock.now(),
      actor: entry.actor.name,
      action: entry.action,
      target: entry.target,
      outcome: entry.outcome ?? 'ok',
      detail: JSON.stringify(entry.detail ?? {}),
      remote: entry.actor.remote ?? null,
    })
    .execute()
}
