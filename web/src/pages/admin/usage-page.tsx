import type { UsageDimension, UsageRow } from '@atrium/contract/usage-api.ts'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Link, useSearchParams } from 'react-router'

import { groupsQuery } from '#api/groups.ts'
import { messageOf } from '#api/http.ts'
import { usageCsvUrl, usageQuery } from '#api/usage.ts'
import { mayUse } from '#page-data.ts'
import { describeKind } from '#pages/jobs/job-words.tsx'
import { findSpan, spanOptions } from '#pages/usage/usage-spans.ts'
import { UsageSummary } from '#pages/usage/usage-summary.tsx'
import { UsageTable } from '#pages/usage/usage-table.tsx'
import { paths } from '#paths.ts'
import { buttonClass } from '#ui/button.tsx'
import { Card } from '#ui/card.tsx'
import { Icon } from '#ui/icon.tsx'
import { InlineSelect } from '#ui/inline-select.tsx'
import { Notice } from '#ui/notice.tsx'
import { PageHeader } from '#ui/page-header.tsx'
import { Skeleton } from '#ui/skeleton.tsx'

const dimensions: readonly { value: UsageDimension; label: string; head: string }[] = [
  { value: 'user', label: 'By user', head: 'User' },
  { value: 'group', label: 'By group', head: 'Group' },
  { value: 'day', label: 'By day', head: 'Day' },
  { value: 'kind', label: 'By kind of job', head: 'Kind' },
  { value: 'partition', label: 'By partition', head: 'Partition' },
]

/** Who used what, and what it cost. The URL says of when and by what, so that it can be sent on. */
export function AdminUsagePage() {
  const [search, setSearch] = useSearchParams()
  const spanName = spanOptions.find(({ value }) => value === search.get('time'))?.value ?? 'month'
  const chosen = dimensions.find(({ value }) => value === search.get('by'))
  const { value: by, head, label } = chosen ?? { value: 'user', head: 'User', label: 'By user' }
  const group = search.get('group') ?? ''
  const filters = { ...findSpan(spanName, Date.now()), by, ...(group && { group }) }
  const { data, error } = useQuery(usageQuery(filters))
  const change = (name: string, value: string) => {
    search.set(name, value)
    if (!value) search.delete(name)
    setSearch(search, { replace: true })
  }
  return (
    <>
      <PageHeader
        title="Usage"
        description="What servers and jobs had to themselves, times how long. What runs is counted up to now."
        actions={
          <a className={buttonClass({})} href={usageCsvUrl(filters)} download>
            <Icon name="download" />
            CSV
          </a>
        }
      />
      <search className="row">
        <InlineSelect
          label="Time"
          value={spanName}
          options={spanOptions}
          onChange={(value) => change('time', value)}
        />
        <InlineSelect
          label="Lines"
          value={by}
          options={dimensions}
          onChange={(value) => change('by', value)}
        />
        <GroupFilter group={group} onChange={(value) => change('group', value)} />
      </search>
      {error && <Notice tone="bad">{messageOf(error)}</Notice>}
      {!data && !error && <Skeleton lines={6} />}
      {data && (
        <>
          <Card title="Altogether">
            <UsageSummary report={data} />
          </Card>
          <Card title={label} {...(by === 'group' && { description: groupsNote })} flush>
            <UsageTable key={by} report={data} label={head} nameOf={(row) => describeRow(by, row)} />
          </Card>
        </>
      )}
    </>
  )
}

const groupsNote =
  'A use counts for every group of its user, so the lines can add up to more than there is altogether.'

function GroupFilter({ group, onChange }: { group: string; onChange: (group: string) => void }) {
  const { data = [] } = useQuery({ ...groupsQuery, enabled: mayUse('list:groups') })
  const names = data.map(({ name }) => name)
  const all = group && !names.includes(group) ? [...names, group] : names
  const options = [
    { value: '', label: 'All groups' },
    ...all.map((name) => ({ value: name, label: `Group ${name}` })),
  ]
  return <InlineSelect label="Group" value={group} options={options} onChange={onChange} />
}

function describeRow(by: UsageDimension, { name, gone }: UsageRow): ReactNode {
  if (gone) return <span className="muted">Deleted {name}</span>
  if (name === '') {
    return <span className="muted">{by === 'partition' ? 'Default partition' : 'The platform itself'}</span>
  }
  switch (by) {
    case 'user':
      return <Link to={paths.admin.user(name)}>{name}</Link>
    case 'group':
      return <Link to={paths.admin.group(name)}>{name}</Link>
    case 'kind':
      return describeKind(name)
    default:
      return name
  }
}
