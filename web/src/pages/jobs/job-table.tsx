import type { JobQuery, JobView } from '@atrium/contract/jobs-api.ts'
import { useInfiniteQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Link } from 'react-router'

import { messageOf } from '#api/http.ts'
import { jobListQuery } from '#api/jobs.ts'
import { mayUseForAll } from '#page-data.ts'
import { paths } from '#paths.ts'
import { EmptyState } from '#ui/empty-state.tsx'
import { MoreRows } from '#ui/more-rows.tsx'
import { Notice } from '#ui/notice.tsx'
import { Skeleton } from '#ui/skeleton.tsx'
import { type Column, Table } from '#ui/table.tsx'
import { RelativeTime } from '#ui/time.tsx'

import { describeJob, describeResources, JobStateBadge } from './job-words.tsx'

interface JobTableProps {
  query: Omit<JobQuery, 'before' | 'limit'>
  /** With a column for the owner. */
  showsUser?: boolean
  empty?: ReactNode
  pageSize?: number
}

const nothingRan = (
  <EmptyState icon="jobs" title="No jobs yet">
    Start a server and it shows here, with why it ended and how long it ran.
  </EmptyState>
)

/** Jobs that answer a query, newest first. */
export function JobTable({ query, showsUser = false, empty = nothingRan, pageSize = 10 }: JobTableProps) {
  const jobs = useInfiniteQuery(jobListQuery({ ...query, limit: pageSize }))
  if (jobs.error && !jobs.data) return <Notice tone="bad">{messageOf(jobs.error)}</Notice>
  if (!jobs.data) return <Skeleton lines={4} label="Loading jobs" />
  return (
    <>
      <Table
        label="Jobs"
        rows={jobs.data.pages.flatMap((page) => page.jobs)}
        rowKey={(job) => job.key}
        empty={empty}
        columns={listColumns(showsUser)}
      />
      <MoreRows
        hasMore={jobs.hasNextPage}
        busy={jobs.isFetchingNextPage}
        onMore={() => void jobs.fetchNextPage()}
      />
    </>
  )
}

function listColumns(showsUser: boolean): Column<JobView>[] {
  const owner: Column<JobView> = { label: 'User', cell: (job) => <JobOwner job={job} /> }
  return [
    { label: 'Job', cell: (job) => <JobName job={job} /> },
    ...(showsUser ? [owner] : []),
    { label: 'State', cell: (job) => <JobStateBadge state={job.state} /> },
    { label: 'Resources', cell: (job) => describeResources(job.resources) },
    { label: 'Node', secondary: true, cell: ({ node }) => node && <span className="nowrap">{node}</span> },
    { label: 'Started', cell: (job) => <RelativeTime atMs={job.startedAtMs ?? job.requestedAtMs} /> },
    { label: 'Reason', secondary: true, cell: (job) => job.message ?? job.reason },
  ]
}

/** What a job is, with the way to its page for who may read jobs. */
export function JobName({ job }: { job: JobView }) {
  if (!mayUseForAll('read:jobs')) return describeJob(job)
  return <Link to={paths.admin.job(job.key)}>{describeJob(job)}</Link>
}

/** Whose a job is, with the way to them for who may read users. */
export function JobOwner({ job: { user } }: { job: JobView }) {
  if (user === undefined) return 'Platform'
  return mayUseForAll('read:users') ? <Link to={paths.admin.user(user)}>{user}</Link> : user
}
