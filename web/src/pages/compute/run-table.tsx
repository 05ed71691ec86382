import { formatCommand } from '@atrium/contract/command-line.ts'
import type { RunQuery, RunView } from '@atrium/contract/runs-api.ts'
import { useInfiniteQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Link } from 'react-router'
import { messageOf } from '#api/http.ts'
import { runListQuery } from '#api/runs.ts'
import { paths } from '#paths.ts'
import { MoreRows } from '#ui/more-rows.tsx'
import { Notice } from '#ui/notice.tsx'
import { Skeleton } from '#ui/skeleton.tsx'
import { type Column, Table } from '#ui/table.tsx'
import { RelativeTime } from '#ui/time.tsx'

import { OwnerName } from './owner-name.tsx'
import { ResultLink } from './result-link.tsx'
import { describeExit, describeShape, RunJobs, RunStateBadge, RunTime } from './run-words.tsx'
import './compute.css'

interface RunTableProps {
  query: Omit<RunQuery, 'before' | 'limit'>
  /** Everybody's: with a column for the owner. A schedule's: without what all its runs have in common. */
  kind?: 'own' | 'everybody' | 'schedule'
  empty: ReactNode
}

/** Runs that answer a query, newest first. */
export function RunTable({ query, kind = 'own', empty }: RunTableProps) {
  const runs = useInfiniteQuery(runListQuery({ ...query, limit: 30 }))
  if (runs.error && !runs.data) return <Notice tone="bad">{messageOf(runs.error)}</Notice>
  if (!runs.data) return <Skeleton lines={4} label="Loading runs" />
  return (
    <>
      <Table
        label="Runs"
        rows={runs.data.pages.flatMap((page) => page.runs)}
        rowKey={(run) => String(run.id)}
        empty={empty}
        columns={listColumns(kind)}
      />
      <MoreRows
        hasMore={runs.hasNextPage}
        busy={runs.isFetchingNextPage}
        onMore={() => void runs.fetchNextPage()}
      />
    </>
  )
}

function listColumns(kind: RunTableProps['kind']): Column<RunView>[] {
  const owner: Column<RunView> = { label: 'User', cell: ({ user }) => <OwnerName user={user} /> }
  return [
    { label: 'Run', cell: (run) => <RunName run={run} isShort={kind === 'schedule'} /> },
    ...(kind === 'everybody' ? [owner] : []),
    { label: 'State', cell: (run) => <RunState run={run} /> },
    { label: 'Exit status', secondary: true, cell: (run) => describeExit(run) },
    { label: 'Took', secondary: true, cell: (run) => <RunTime run={run} /> },
    { label: 'Asked for', cell: ({ createdAtMs }) => <RelativeTime atMs={createdAtMs} /> },
    { label: 'Result', secondary: kind !== 'schedule', cell: (run) => <ResultLink run={run} /> },
  ]
}

function RunName({ run, isShort }: { run: RunView; isShort: boolean }) {
  if (isShort) return <Link to={paths.run(run.id)}>Run {run.id}</Link>
  return (
    <div className="run-name">
      <Link to={paths.run(run.id)}>{run.name}</Link>
      <p className="muted cell-line mono">{formatCommand(run.command)}</p>
    </div>
  )
}

/** The state; of several jobs how many are done; and what it waits for or why it failed. */
function RunState({ run }: { run: RunView }) {
  const { state, message, jobs } = run
  const shape = describeShape(run)
  return (
    <div className="stack run-state">
      <span className="row">
        <RunStateBadge state={state} />
        {shape && <span className="muted">{shape}</span>}
      </span>
      {jobs.total > 1 && <RunJobs jobs={jobs} />}
      {message && state !== 'succeeded' && (
        <p className="muted cell-note" title={message}>
          {message}
        </p>
      )}
    </div>
  )
}
