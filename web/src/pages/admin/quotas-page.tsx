import type { QuotaAmountName, QuotaView } from '@atrium/contract/quotas-api.ts'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'

import { messageOf } from '#api/http.ts'
import { quotasQuery } from '#api/jobs.ts'
import { QuotaMeters } from '#pages/quotas/quota-meters.tsx'
import { paths } from '#paths.ts'
import { formatBytes } from '#ui/amounts.ts'
import { Card } from '#ui/card.tsx'
import { EmptyState } from '#ui/empty-state.tsx'
import { Notice } from '#ui/notice.tsx'
import { PageHeader } from '#ui/page-header.tsx'
import { Skeleton } from '#ui/skeleton.tsx'
import { type Column, Table } from '#ui/table.tsx'

/** What everybody holds, and how much they may. */
export function QuotasPage() {
  const { data, error } = useQuery(quotasQuery)
  const platform = data?.quotas.find((quota) => quota.subject === 'platform')
  const others = data?.quotas.filter((quota) => quota.subject !== 'platform')
  return (
    <>
      <PageHeader
        title="Quotas"
        description="Limits stand in the configuration, per user, per group and for the platform. What is over one waits in line."
      />
      {error && <Notice tone="bad">{messageOf(error)}</Notice>}
      {!data && !error && <Skeleton lines={5} />}
      {platform && (
        <Card title="Platform">
          <QuotaMeters quota={platform} />
        </Card>
      )}
      {others && (
        <Card title="Users and groups" description="Everybody who holds something now." flush>
          <Table
            label="Quotas"
            rows={others}
            rowKey={(quota) => `${quota.subject}:${quota.name}`}
            empty={
              <EmptyState icon="gauge" title="Nobody holds anything">
                Users show here while something of theirs runs.
              </EmptyState>
            }
            columns={columns}
          />
        </Card>
      )}
    </>
  )
}

const columns: readonly Column<QuotaView>[] = [
  { label: 'Name', cell: (quota) => <SubjectLink quota={quota} /> },
  { label: 'Kind', cell: ({ subject }) => subject },
  { label: 'Jobs', cell: ({ jobs }) => jobs },
  amountColumn('Servers', 'servers'),
  amountColumn('Cores', 'cpu'),
  amountColumn('Memory', 'memoryBytes', formatBytes),
  { ...amountColumn('GPUs', 'gpu'), secondary: true },
  { ...amountColumn('Clusters', 'clusters'), secondary: true },
  { ...amountColumn('Clusters', 'clusters'), secondary: true },
  { ...amountColumn('Workers', 'workers'), secondary: true },
]

function SubjectLink({ quota: { subject, name } }: { quota: QuotaView }) {
  return <Link to={subject === 'group' ? paths.admin.group(name) : paths.admin.user(name)}>{name}</Link>
}

function amountColumn(
  label: string,
  name: QuotaAmountName,
  format: (amount: number) => string = String,
): Column<QuotaView> {
  return {
    label,
    cell: ({ used, limits }) => {
      const limit = limits[name]
      return (
        <span className="nowrap">
          {format(used[name])} {limit !== undefined && <span className="muted">of {format(limit)}</span>}
        </span>
      )
    },
  }
}
