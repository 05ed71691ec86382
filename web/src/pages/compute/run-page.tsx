import { formatCommand } from '@atrium/contract/command-line.ts'
import { hasEnded } from '@atrium/contract/jobs.ts'
import type { RunDetail } from '@atrium/contract/runs-api.ts'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useNavigate, useParams } from 'react-router'
import { messageOf } from '#api/http.ts'
import { runQuery, useRunAgain } from '#api/runs.ts'
import { CancelRunDialog } from '#forms/compute/cancel-run-dialog.tsx'
import { mayUseOf, signedInUser } from '#page-data.ts'
import { paths } from '#paths.ts'
import { Button } from '#ui/button.tsx'
import { Card } from '#ui/card.tsx'
import { CodeBlock } from '#ui/code-block.tsx'
import { Facts } from '#ui/facts.tsx'
import { Notice } from '#ui/notice.tsx'
import { PageHeader } from '#ui/page-header.tsx'
import { Skeleton } from '#ui/skeleton.tsx'
import { useToast } from '#ui/toast.tsx'
import { RunArray } from './run-array.tsx'
import { listRunFacts } from './run-facts.tsx'
import { RunLog } from './run-log.tsx'
import { RunStateBadge } from './run-words.tsx'
import './compute.css'

/** One run: how it is or ended, its jobs, and what they print. */
export function RunPage() {
  const id = Number(useParams()['run'])
  const { data: run, error } = useQuery(runQuery(id, { limit: 1 }))
  const isOwn = !run || run.user === signedInUser().name
  const title = run?.name ?? `Run ${id}`
  return (
    <>
      <PageHeader
        title={title}
        heading={
          <span className="row">
            {title}
            {run && <RunStateBadge state={run.state} />}
          </span>
        }
        {...(!isOwn && { description: `Belongs to ${run.user}.` })}
        back={<Link to={isOwn ? paths.runs() : paths.admin.runs()}>Runs</Link>}
        actions={run && <RunActions run={run} />}
      />
      {error && !run && (
        <Notice tone="bad" title="This run cannot be shown">
          {messageOf(error)}
        </Notice>
      )}
      {run ? <RunDetails key={run.id} run={run} /> : !error && <Skeleton lines={6} />}
    </>
  )
}

function RunActions({ run: { id, state, user, schedule } }: { run: RunDetail }) {
  const [isCancelling, setCancelling] = useState(false)
  const again = useRunAgain()
  const navigate = useNavigate()
  const toast = useToast()
  const mayCancel = !hasEnded(state) && (mayUseOf('jobs', user) || mayUseOf('admin:jobs', user))
  const repeat = () =>
    again.mutate(id, {
      onSuccess: (run) => void navigate(paths.run(run.id)),
      onError: (error) => toast.failed(error.message),
    })
  return (
    <>
      {mayCancel && (
        <Button icon="stop" onClick={() => setCancelling(true)}>
          Cancel the run
        </Button>
      )}
      {schedule === undefined && user === signedInUser().name && mayUseOf('jobs', user) && (
        <Button icon="refresh" busy={again.isPending} onClick={repeat}>
          Run again
        </Button>
      )}
      {isCancelling && <CancelRunDialog run={id} onClose={() => setCancelling(false)} />}
    </>
  )
}

function RunDetails({ run }: { run: RunDetail }) {
  const { state, message, array } = run
  return (
    <>
      {message && state !== 'succeeded' && (
        <Notice tone={state === 'failed' ? 'bad' : 'info'}>{message}</Notice>
      )}
      <Card title="Command">
        <div className="stack">
          <CodeBlock label="The command" code={formatCommand(run.command)} />
          <Facts facts={listRunFacts(run)} />
        </div>
      </Card>
      {array === undefined ? <RunLog run={run} job={run.jobList[0]} /> : <RunArray run={run} />}
    </>
  )
}
