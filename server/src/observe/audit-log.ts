import type { AuditEvent, AuditPage, AuditQuery } from '@atrium/contract/audit-api.ts'
import { sql } from 'kysely'

import type { ReadableDatabase, Store } from '#store/store.ts'

/** Reads the audit trail that `recordAudit` writes. */
export interface AuditLog {
  /** Newest first. */
  list(query: AuditQuery): Promise<AuditPage>
}

const defaultLimit = 100

export function createAuditLog({ store }: { readonly store: Store }): AuditLog {
  return {
    async list(query) {
      const limit = query.limit ?? defaultLimit
      const rows = await selectEvents(store.db, query)
        .limit(limit + 1)
        .execute()
      const events = rows.slice(0, limit).map(parseEvent)
      const last = events.at(-1)
      return { events, ...(rows.length > limit && last !== undefined ? { next: last.id } : {}) }
    },
  }
}

function selectEvents(db: ReadableDatabase, query: AuditQuery) {
  const { of, actor, target, action, outcome, sinceMs, untilMs, before } = query
  let rows = db.selectFrom('audit_events').selectAll().orderBy('id', 'desc')
  if (before !== undefined) rows = rows.where('id', '<', before)
  if (of !== undefined) rows = rows.where(({ or, eb }) => or([eb('actor', '=', of), eb('target', '=', of)]))
  if (actor) rows = rows.where(like('actor', `%${escapeLike(actor)}%`))
  if (target) rows = rows.where(like('target', `%${escapeLike(target)}%`))
  if (action) rows = rows.where(like('action', `${escapeLike(action)}%`))
  if (outcome !== undefined) rows = rows.where('outcome', '=', outcome)
  if (sinceMs !== undefined) rows = rows.where('at', '>=', sinceMs)
  if (untilMs !== undefined) rows = rows.where('at', '<', untilMs)
  return rows
}

function like(column: 'actor' | 'target' | 'action', pattern: string) {
  return sql<boolean>`${sql.ref(column)} like ${pattern} escape '!'`
}

/** What a person types means itself. */
function escapeLike(text: string): string {
  return text.replaceAll(/[!%_]/g, '!$&')
}

function parseEvent(
  row: Awaited<ReturnType<ReturnType<typeof selectEvents>['execute']>>[number],
): AuditEvent {
  const { id, at, actor, action, target, outcome, detail, remote } = row
  return {
    id,
    atMs: at,
    actor,
    action,
    target,
    outcome,
    detail: JSON.parse(detail) as Record<string, unknown>,
    ...(remote === null ? {} : { remote }),
  }
}
