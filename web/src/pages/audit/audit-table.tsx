import type { AuditEvent, AuditQuery } from '@atrium/contract/audit-api.ts'
import { useInfiniteQuery } from '@tanstack/react-query'

import { auditQuery } from '#api/access.ts'
import { messageOf } from '#api/http.ts'
import { Badge } from '#ui/badge.tsx'
import { EmptyState } from '#ui/empty-state.tsx'
import { MoreRows } from '#ui/more-rows.tsx'
import { Notice } from '#ui/notice.tsx'
import { Skeleton } from '#ui/skeleton.tsx'
import { Table } from '#ui/table.tsx'
import { AbsoluteTime } from '#ui/time.tsx'

interface AuditTableProps {
  query: Omit<AuditQuery, 'before' | 'limit'>
  pageSize?: number
}

/** Recorded actions that answer a query, newest first. */
export function AuditTable({ query, pageSize = 10 }: AuditTableProps) {
  const audit = useInfiniteQuery(auditQuery({ ...query, limit: pageSize }))
  if (audit.error && !audit.data) return <Notice tone="bad">{messageOf(audit.error)}</Notice>
  if (!audit.data) return <Skeleton lines={5} label="Loading the record" />
  return (
    <>
      <Table
        label="Recorded actions"
        rows={audit.data.pages.flatMap((page) => page.events)}
        rowKey={(event) => String(event.id)}
        empty={
          <EmptyState icon="scroll" title="Nothing recorded">
            Nothing fits these filters.
          </EmptyState>
        }
        columns={[
          { label: 'When', cell: (event) => <AbsoluteTime atMs={event.atMs} /> },
          { label: 'Action', cell: (event) => <code className="nowrap">{event.action}</code> },
          { label: 'By', cell: (event) => withoutKind(event.actor) },
          { label: 'Target', cell: (event) => event.target },
          { label: 'Details', secondary: true, cell: describeDetail },
          { label: 'Address', secondary: true, cell: (event) => event.remote },
          { label: 'Outcome', cell: (event) => <Outcome outcome={event.outcome} /> },
        ]}
      />
      <MoreRows
        hasMore={audit.hasNextPage}
        busy={audit.isFetchingNextPage}
        onMore={() => void audit.fetchNextPage()}
      />
    </>
  )
}

function Outcome({ outcome }: Pick<AuditEvent, 'outcome'>) {
  return outcome === 'ok' ? <span className="muted">Done</span> : <Badge tone="bad">Refused</Badge>
}

function withoutKind(actor: string): string {
  return actor.replace(/^user:/, '').replace(/^service:/, 'service ')
}

function describeDetail({ detail }: AuditEvent): string {
  return Object.entries(detail)
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ')
}
