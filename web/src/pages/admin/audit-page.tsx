import type { AuditQuery } from '@atrium/contract/audit-api.ts'
import { useState } from 'react'

import { AuditTable } from '#pages/audit/audit-table.tsx'
import { InlineSelect } from '#ui/inline-select.tsx'
import { PageHeader } from '#ui/page-header.tsx'
import { SearchField } from '#ui/search-field.tsx'

type Filters = Omit<AuditQuery, 'before' | 'limit'>

const kinds = [
  { value: '', label: 'All actions' },
  { value: 'session.', label: 'Sign-ins' },
  { value: 'user.', label: 'Users' },
  { value: 'group.', label: 'Groups' },
  { value: 'role.', label: 'Roles' },
  { value: 'token.', label: 'Tokens' },
  { value: 'server.', label: 'Servers' },
  { value: 'share', label: 'Shares' },
  { value: 'job.', label: 'Jobs' },
  { value: 'password.', label: 'Passwords' },
  { value: 'link.', label: 'One-time links' },
]

const dayMs = 86_400_000
const spans = [
  { value: '', label: 'All time' },
  { value: String(dayMs), label: 'Last day' },
  { value: String(7 * dayMs), label: 'Last week' },
  { value: String(30 * dayMs), label: 'Last 30 days' },
]

const outcomes = [
  { value: '', label: 'Done and refused' },
  { value: 'ok', label: 'Done' },
  { value: 'refused', label: 'Refused' },
]

/** Who did what, and what was refused. */
export function AuditPage() {
  const [actor, setActor] = useState('')
  const [target, setTarget] = useState('')
  const [action, setAction] = useState('')
  const [outcome, setOutcome] = useState('')
  const [span, setSpan] = useState({ value: '', sinceMs: 0 })
  const filters: Filters = {
    ...(actor && { actor }),
    ...(target && { target }),
    ...(action && { action }),
    ...(outcome && { outcome: outcome as 'ok' | 'refused' }),
    ...(span.value && { sinceMs: span.sinceMs }),
  }
  return (
    <>
      <PageHeader title="Audit log" description="Every change and every refusal, newest first." />
      <search className="row">
        <SearchField label="By whom" placeholder="By whom" value={actor} onSearch={setActor} />
        <SearchField label="Target" placeholder="Target" value={target} onSearch={setTarget} />
        <InlineSelect label="Actions" value={action} options={kinds} onChange={setAction} />
        <InlineSelect label="Outcome" value={outcome} options={outcomes} onChange={setOutcome} />
        <InlineSelect
          label="Time"
          value={span.value}
          options={spans}
          onChange={(value) => setSpan({ value, sinceMs: Date.now() - Number(value) })}
        />
      </search>
      <section className="card" aria-label="Audit log">
        <AuditTable query={filters} pageSize={50} />
      </section>
    </>
  )
}
