import type { RunDetail, RunDetailQuery, RunJob } from '@atrium/contract/runs-api.ts'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'

import { runQuery } from '#api/runs.ts'
import { Button } from '#ui/button.tsx'
import { Card } from '#ui/card.tsx'
import { Facts } from '#ui/facts.tsx'
import { InlineSelect } from '#ui/inline-select.tsx'
import { Skeleton } from '#ui/skeleton.tsx'
import { type StateCell, StateGrid } from '#ui/state-grid.tsx'
import { formatDuration, RelativeTime } from '#ui/time.tsx'

import { RunLog } from './run-log.tsx'
import { describeExit, isWaiting, RunStateBadge, runStateWords } from './run-words.tsx'

/** As many as one looks over at once. */
const pageSize = 500

type Kind = NonNullable<RunDetailQuery['jobs']>

/** An array's jobs as a grid of their states, and what the chosen one does. */
export function RunArray({ run }: { run: RunDetail }) {
  const [kind, setKind] = useState<Kind>('all')
  // Where each page begins: behind these numbers.
  const [starts, setStarts] = useState<readonly (number | undefined)[]>([undefined])
  const [chosen, setChosen] = useState<RunJob>()
  const after = starts.at(-1)
  const { data } = useQuery(
    runQuery(run.id, { limit: pageSize, jobs: kind, ...(after !== undefined && { after }) }),
  )
  const { total, waiting, running, succeeded, failed, cancelled } = run.jobs
  const counts: Record<Kind, number> = { all: total, waiting, running, succeeded, failed, cancelled }
  const jobs = data?.jobList ?? []
  const shown = jobs.find(({ index }) => index === chosen?.index) ?? chosen
  return (
    <>
      <Card
        title="Jobs"
        description="One for each number. Choose one to see what it does."
        actions={
          <InlineSelect
            label="State"
            value={kind}
            options={kinds.map(({ value, label }) => ({ value, label: `${label} (${counts[value]})` }))}
            onChange={(value) => {
              setKind(value as Kind)
              setStarts([undefined])
            }}
          />
        }
      >
        <div className="stack">
          {data ? (
            <StateGrid
              label="Jobs of the array"
              cells={jobs.map(buildCell)}
              value={shown?.index}
              onChoose={(number) => setChosen(jobs.find(({ index }) => index === number))}
            />
          ) : (
            <Skeleton lines={4} label="Loading jobs" />
          )}
          {jobs.length === 0 && data && <p className="muted">No job is in this state.</p>}
          <Pages
            isFirst={starts.length === 1}
            next={data?.next}
            onBack={() => setStarts(starts.slice(0, -1))}
            onNext={(next) => setStarts([...starts, next])}
          />
          {shown && <JobFacts job={shown} />}
        </div>
      </Card>
      {shown && <RunLog key={shown.index} run={run} job={shown} />}
    </>
  )
}

const kinds: readonly { value: Kind; label: string }[] = [
  { value: 'all', label: 'All' },
  { value: 'failed', label: 'Failed' },
  { value: 'running', label: 'Running' },
  { value: 'waiting', label: 'Waiting' },
  { value: 'succeeded', label: 'Done' },
  { value: 'cancelled', label: 'Cancelled' },
]

function buildCell(job: RunJob): StateCell {
  const { word, tone } = runStateWords[job.state]
  const exit = job.state === 'failed' ? describeExit(job) : undefined
  return {
    number: job.index ?? 0,
    word: exit === undefined ? word : `${word}, exit status ${exit}`,
    tone,
    waits: isWaiting(job.state),
  }
}

interface PagesProps {
  isFirst: boolean
  next: number | undefined
  onBack: () => void
  onNext: (next: number) => void
}

function Pages({ isFirst, next, onBack, onNext }: PagesProps) {
  if (isFirst && next === undefined) return null
  return (
    <nav className="row" aria-label="Pages of jobs">
      <Button size="s" icon="chevronLeft" disabled={isFirst} onClick={onBack}>
        Previous
      </Button>
      <Button size="s" disabled={next === undefined} onClick={() => next !== undefined && onNext(next)}>
        Next
      </Button>
    </nav>
  )
}

function JobFacts({ job }: { job: RunJob }) {
  const { startedAtMs, endedAtMs } = job
  return (
    <Facts
      facts={[
        { label: 'Number', value: job.index },
        { label: 'State', value: <RunStateBadge state={job.state} /> },
        { label: 'Exit status', value: describeExit(job) },
        { label: 'Node', value: job.node },
        { label: 'Started', value: startedAtMs && <RelativeTime atMs={startedAtMs} /> },
        { label: 'Took', value: startedAtMs && endedAtMs && formatDuration(endedAtMs - startedAtMs) },
        { label: 'Tries', value: job.try > 1 ? job.try : undefined },
        { label: 'Reason', value: job.message ?? job.reason },
      ]}
    />
  )
}
