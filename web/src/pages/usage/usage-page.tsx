import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import { messageOf } from '#api/http.ts'
import { type UsageFilters, usageCsvUrl, usageQuery } from '#api/usage.ts'
import { listNamedBy, signedInUser } from '#page-data.ts'
import { buttonClass } from '#ui/button.tsx'
import { Card } from '#ui/card.tsx'
import { Icon } from '#ui/icon.tsx'
import { InlineSelect } from '#ui/inline-select.tsx'
import { Notice } from '#ui/notice.tsx'
import { PageHeader } from '#ui/page-header.tsx'
import { Skeleton } from '#ui/skeleton.tsx'
import { findSpan, type SpanName, spanOptions } from './usage-spans.ts'
import { UsageSummary } from './usage-summary.tsx'
import { UsageTable } from './usage-table.tsx'

/** What a person's servers and jobs used, day by day; for the head of a group what its members used, too. */
export function UsagePage() {
  const [span, setSpan] = useState(() => ({ name: 'month' as SpanName, ...findSpan('month', Date.now()) }))
  const [group, setGroup] = useState('')
  const groups = listNamedBy('read:usage', 'group')
  const whose: UsageFilters = group ? { group, by: 'user' } : { user: signedInUser().name, by: 'day' }
  const filters = { from: span.from, to: span.to, ...whose }
  const { data, error } = useQuery(usageQuery(filters))
  return (
    <>
      <PageHeader
        title="Usage"
        description="What your servers and jobs had to themselves, times how long. What runs is counted up to now."
        actions={
          <a className={buttonClass()} href={usageCsvUrl(filters)} download>
            <Icon name="download" />
            CSV
          </a>
        }
      />
      <div className="row">
        <InlineSelect
          label="Time"
          value={span.name}
          options={spanOptions}
          onChange={(name) => setSpan({ name: name as SpanName, ...findSpan(name as SpanName, Date.now()) })}
        />
        {groups.length > 0 && (
          <InlineSelect
            label="Whose"
            value={group}
            options={[
              { value: '', label: 'Mine' },
              ...groups.map((name) => ({ value: name, label: `Group ${name}` })),
            ]}
            onChange={setGroup}
          />
        )}
      </div>
      {error && <Notice tone="bad">{messageOf(error)}</Notice>}
      {!data && !error && <Skeleton lines={6} />}
      {data && (
        <>
          <Card title="Altogether">
            <UsageSummary report={data} />
          </Card>
          {data.by === 'day' ? (
            <Card title="By day" description="Days are those of UTC." flush>
              <UsageTable report={data} label="Day" nameOf={({ name }) => name} />
            </Card>
          ) : (
            <Card title="By user" flush>
              <UsageTable report={data} label="User" nameOf={({ name }) => name} />
            </Card>
          )}
        </>
      )}
    </>
  )
}
