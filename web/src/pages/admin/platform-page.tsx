import type { PlatformStatus } from '@atrium/contract/status-api.ts'
import { useQuery } from '@tanstack/react-query'

import { messageOf } from '#api/http.ts'
import { statusQuery } from '#api/jobs.ts'
import { Badge } from '#ui/badge.tsx'
import { Card } from '#ui/card.tsx'
import { Facts } from '#ui/facts.tsx'
import { Notice } from '#ui/notice.tsx'
import { PageHeader } from '#ui/page-header.tsx'
import { Skeleton } from '#ui/skeleton.tsx'
import { Table } from '#ui/table.tsx'
import { RelativeTime } from '#ui/time.tsx'

/** How the platform itself is: what `atrium status` says. */
export function PlatformPage() {
  const { data: status, error } = useQuery(statusQuery)
  return (
    <>
      <PageHeader title="Platform" description="What atrium status says." />
      {error && <Notice tone="bad">{messageOf(error)}</Notice>}
      {status ? <Status status={status} /> : !error && <Skeleton lines={5} />}
    </>
  )
}

function Status({ status }: { status: PlatformStatus }) {
  const { counts } = status
  return (
    <>
      <Card title="Atrium">
        <Facts
          facts={[
            { label: 'Version', value: status.version },
            { label: 'Address', value: <a href={status.publicUrl}>{status.publicUrl}</a> },
            { label: 'Started', value: <RelativeTime atMs={status.startedAtMs} /> },
            { label: 'Database', value: status.store.kind === 'sqlite' ? 'SQLite' : 'PostgreSQL' },
            { label: 'Users', value: counts.users },
            { label: 'Groups', value: counts.groups },
            { label: 'Running servers', value: counts.runningServers },
            { label: 'Jobs', value: counts.activeJobs },
            { label: 'Waiting', value: counts.waitingJobs },
          ]}
        />
      </Card>
      <SchedulerCard scheduler={status.scheduler} />
      <Card title="Control planes" description="One of them reconciles; all of them answer." flush>
        <Table
          label="Control planes"
          rows={status.replicas}
          rowKey={(replica) => replica.id}
          empty={null}
          columns={[
            { label: 'Name', cell: ({ id }) => id },
            { label: 'Version', cell: ({ version }) => version },
            { label: 'Started', cell: ({ startedAtMs }) => <RelativeTime atMs={startedAtMs} /> },
            { label: 'Last seen', cell: ({ seenAtMs }) => <RelativeTime atMs={seenAtMs} /> },
            {
              label: 'Task',
              cell: ({ leads }) => (leads ? <Badge tone="accent">Reconciles</Badge> : 'Answers'),
            },
          ]}
        />
      </Card>
    </>
  )
}

function SchedulerCard({ scheduler }: Pick<PlatformStatus, 'scheduler'>) {
  const { limits } = scheduler
  const enforced = limits.cpu && limits.memory
  return (
    <Card title="Scheduler">
      <div className="stack">
        {!scheduler.answers && (
          <Notice tone="bad" title="It does not answer">
            Jobs run on. New ones wait until it answers.
          </Notice>
        )}
        {!enforced && (
          <Notice tone="warn" title="Limits are not fully enforced">
            {limits.why}
          </Notice>
        )}
        <Facts
          facts={[
            { label: 'Driver', value: scheduler.driver },
            { label: 'Limits', value: enforced ? limits.why : describeLimits(limits) },
            { label: 'Jobs run as', value: scheduler.owners ? 'their owner' : 'one account' },
            { label: 'Warm start', value: scheduler.warmStart ? 'Yes' : 'No' },
          ]}
        />
      </div>
    </Card>
  )
}

function describeLimits({ cpu, memory }: PlatformStatus['scheduler']['limits']): string {
  if (cpu) return 'Processors only'
  return memory ? 'Memory only' : 'None'
}
