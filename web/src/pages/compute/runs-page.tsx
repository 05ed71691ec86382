import { useState } from 'react'

import { signedInUser } from '#page-data.ts'
import { Button } from '#ui/button.tsx'
import { Dialog } from '#ui/dialog.tsx'
import { EmptyState } from '#ui/empty-state.tsx'
import { InlineSelect } from '#ui/inline-select.tsx'

import { ComputeHeader } from './compute-header.tsx'
import { RunGuide } from './first-run.tsx'
import { type RunFilter, runFilters } from './run-filters.ts'
import { RunTable } from './run-table.tsx'
import './compute.css'

/** Programs a person ran as jobs. */
export function RunsPage() {
  const [state, setState] = useState<RunFilter>('all')
  const [isAsking, setAsking] = useState(false)
  return (
    <>
      <ComputeHeader
        tab="Runs"
        description="Programs that run beside your servers: on their own, in parallel, or once for each of many inputs."
        actions={<Button onClick={() => setAsking(true)}>How to run one</Button>}
      />
      <div className="row">
        <InlineSelect
          label="State"
          value={state}
          options={runFilters}
          onChange={(value) => setState(value as RunFilter)}
        />
      </div>
      <section className="card" aria-label="Runs">
        <RunTable
          query={{ user: signedInUser().name, state }}
          empty={state === 'all' ? <FirstRun /> : <NoRun />}
        />
      </section>
      {isAsking && (
        <Dialog title="Run a program" onClose={() => setAsking(false)}>
          <div className="dialog-body">
            <RunGuide />
          </div>
        </Dialog>
      )}
    </>
  )
}

function FirstRun() {
  return (
    <div className="starter">
      <h2>You ran nothing yet</h2>
      <RunGuide />
    </div>
  )
}

function NoRun() {
  return (
    <EmptyState icon="play" title="No run here">
      None of yours is in this state.
    </EmptyState>
  )
}
