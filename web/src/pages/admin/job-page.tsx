import { hasEnded } from '@atrium/contract/jobs.ts'
import type { JobView } from '@atrium/contract/jobs-api.ts'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useParams } from 'react-router'

import { endpoints } from '#api/endpoints.ts'
import { messageOf } from '#api/http.ts'
import { jobQuery, useCancelJob } from '#api/jobs.ts'
import { useLogStream } from '#api/log-stream.ts'
import { mayUse } from '#page-data.ts'
import { describeJob, describeResources, JobStateBadge } from '#pages/jobs/job-words.tsx'
import { paths } from '#paths.ts'
import { formatBytes } from '#ui/amounts.ts'
import { Button } from '#ui/button.tsx'
import { Card } from '#ui/card.tsx'
import { ConfirmDialog } from '#ui/dialog.tsx'
import { type Fact, Facts } from '#ui/facts.tsx'
import { LogView } from '#ui/log-view.tsx'
import { Notice } from '#ui/notice.tsx'
import { PageHeader } from '#ui/page-header.tsx'
import { Skeleton } from '#ui/skeleton.tsx'
import { formatDuration, RelativeTime } from '#ui/time.tsx'

/** One job: state, reason, use, and its log as it comes. */
export function JobPage() {
  const { job: key = '' } = useParams()
  const { data: job, error } = useQuery(jobQuery(key))
  const [isCancelling, setCancelling] = useState(false)
  const canCancel = job && !hasEnded(job.state) && mayUse('admin:jobs')
  return (
    <>
      <PageHeader
        title={job ? describeJob(job) : 'Job'}
        {...(job?.user && { description: `Belongs to ${job.user}.` })}
        back={<Link to={paths.admin.jobs()}>Jobs</Link>}
        actions={
          canCancel && (
            <Button icon="stop" onClick={() => setCancelling(true)}>
              Cancel the job
            </Button>
          )
        }
      />
      {error && <Notice tone="bad">{messageOf(error)}</Notice>}
      {job ? <JobDetails job={job} /> : !error && <Skeleton lines={5} />}
      {isCancelling && <CancelJobDialog job={key} onClose={() => setCancelling(false)} />}
    </>
  )
}

function JobDetails({ job }: { job: JobView }) {
  const log = useLogStream(endpoints.jobLog(job.key))
  return (
    <>
      <Card title="State">
        <div className="stack">
          {job.message && <Notice tone={job.state === 'failed' ? 'bad' : 'info'}>{job.message}</Notice>}
          <Facts facts={listFacts(job)} />
        </div>
      </Card>
      <Card title="Log">
        <LogView
          label="Log of the job"
          text={log.text}
          placeholder={log.error ?? 'It has written nothing yet.'}
        />
      </Card>
    </>
  )
}

function listFacts(job: JobView): Fact[] {
  const endMs = job.endedAtMs ?? Date.now()
  return [
    { label: 'State', value: <JobStateBadge state={job.state} /> },
    { label: 'User', value: job.user && <Link to={paths.admin.user(job.user)}>{job.user}</Link> },
    { label: 'Group', value: job.group },
    { label: 'Place in line', value: job.place },
    {
      label: 'Starts, as far as known',
      value: job.estimatedStartAtMs && <RelativeTime atMs={job.estimatedStartAtMs} />,
    },
    { label: 'Resources', value: describeResources(job.resources) },
    { label: 'Memory now', value: job.usage?.memoryBytes && formatBytes(job.usage.memoryBytes) },
    { label: 'CPU time', value: job.usage?.cpuSeconds && formatDuration(job.usage.cpuSeconds * 1000) },
    { label: 'Node', value: job.node },
    { label: 'Driver', value: job.driver },
    { label: 'Asked for', value: <RelativeTime atMs={job.requestedAtMs} /> },
    { label: 'Started', value: job.startedAtMs && <RelativeTime atMs={job.startedAtMs} /> },
    { label: 'Ran for', value: job.startedAtMs && formatDuration(endMs - job.startedAtMs) },
    { label: 'Time is over', value: job.endsAtMs && <RelativeTime atMs={job.endsAtMs} /> },
    { label: 'Reason', value: job.reason && <code>{job.reason}</code> },
    { label: 'Exit status', value: job.exitCode ?? job.exitSignal },
    { label: 'Starts', value: job.attempts },
    { label: 'Restarts', value: job.restarts && `${job.restarts.count}, last: ${job.restarts.message}` },
    { label: 'Key', value: <code>{job.key}</code> },
  ]
}

function CancelJobDialog({ job, onClose }: { job: string; onClose: () => void }) {
  const cancel = useCancelJob()
  return (
    <ConfirmDialog
      title="Cancel this job?"
      confirmLabel="Cancel the job"
      danger
      busy={cancel.isPending}
      error={cancel.error?.message}
      onConfirm={() => cancel.mutate(job, { onSuccess: onClose })}
      onClose={onClose}
    >
      <p>Its processes end, and what they hold in memory is lost. Files are kept.</p>
    </ConfirmDialog>
  )
}
