import type { JobView } from '@atrium/contract/jobs-api.ts'
import { useQuery } from '@tanstack/react-query'

import { messageOf } from '#api/http.ts'
import { queueQuery } from '#api/jobs.ts'
import { JobName, JobOwner } from '#pages/jobs/job-table.tsx'
import { describeResources, JobStateBadge } from '#pages/jobs/job-words.tsx'
import { formatCount } from '#ui/amounts.ts'
import { EmptyState } from '#ui/empty-state.tsx'
import { Notice } from '#ui/notice.tsx'
import { PageHeader } from '#ui/page-header.tsx'
import { Skeleton } from '#ui/skeleton.tsx'
import { Table } from '#ui/table.tsx'
import { formatRelative, RelativeTime, useNow } from '#ui/time.tsx'

/** What waits, in the order in which it will run. */
export function QueuePage() {
  const { data: queue, error } = useQuery(queueQuery)
  const more = queue ? queue.waiting - queue.jobs.filter((job) => job.place !== undefined).length : 0
  return (
    <>
      <PageHeader
        title="Queue"
        description="More than fits waits here, and runs as soon as quotas and nodes allow. Nothing is refused for being late."
      />
      {error && <Notice tone="bad">{messageOf(error)}</Notice>}
      <section className="card" aria-label="Queue">
        {queue ? <QueueTable jobs={queue.jobs} /> : !error && <Skeleton lines={4} />}
      </section>
      {more > 0 && <p className="muted">And {formatCount(more, 'more job')} further back.</p>}
    </>
  )
}

function QueueTable({ jobs }: { jobs: readonly JobView[] }) {
  return (
    <Table
      label="Waiting jobs"
      rows={jobs}
      rowKey={(job) => job.key}
      empty={
        <EmptyState icon="queue" title="Nothing waits">
          Everything that was asked for runs.
        </EmptyState>
      }
      columns={[
        { label: 'Job', cell: (job) => <JobName job={job} /> },
        { label: 'Place', cell: (job) => job.place ?? '–' },
        { label: 'User', cell: (job) => <JobOwner job={job} /> },
        { label: 'Waits for', cell: (job) => <JobStateBadge state={job.state} /> },
        { label: 'Reason', cell: (job) => job.message ?? job.reason },
        { label: 'Asks for', secondary: true, cell: (job) => describeResources(job.resources) },
        { label: 'Since', cell: (job) => <RelativeTime atMs={job.requestedAtMs} /> },
        { label: 'Expected', secondary: true, cell: (job) => <Expected job={job} /> },
      ]}
    />
  )
}

function Expected({ job }: { job: JobView }) {
  const now = useNow(10_000)
  if (job.estimatedStartAtMs === undefined) return <span className="muted">Unknown</span>
  return formatRelative(job.estimatedStartAtMs, now)
}
