import type { ClusterState, ClusterView, ClusterWorker } from '@atrium/contract/clusters-api.ts'

import { formatBytes, formatCores, formatCount } from '#ui/amounts.ts'
import { Badge, type Tone } from '#ui/badge.tsx'
import { StackedBar } from '#ui/stacked-bar.tsx'
import { formatDuration } from '#ui/time.tsx'

type Words = { word: string; tone: Tone; moving?: boolean }

const stateWords: Record<ClusterState, Words> = {
  pending: { word: 'Starting', tone: 'accent', moving: true },
  running: { word: 'Running', tone: 'good' },
  stopping: { word: 'Stopping', tone: 'warn', moving: true },
  stopped: { word: 'Stopped', tone: 'neutral' },
  failed: { word: 'Failed', tone: 'bad' },
}

const workerWords: Record<ClusterWorker['state'], Words> = {
  waiting: { word: 'Waiting', tone: 'accent', moving: true },
  starting: { word: 'Starting', tone: 'accent', moving: true },
  running: { word: 'Running', tone: 'good' },
  closing: { word: 'Leaving', tone: 'warn', moving: true },
  ended: { word: 'Ended', tone: 'neutral' },
}

export function ClusterStateBadge({ state }: { state: ClusterState }) {
  return <WordBadge {...stateWords[state]} />
}

export function WorkerStateBadge({ state }: { state: ClusterWorker['state'] }) {
  return <WordBadge {...workerWords[state]} />
}

function WordBadge({ word, tone, moving }: Words) {
  return (
    <Badge tone={tone} dot={moving ? 'pulsing' : 'still'}>
      {word}
    </Badge>
  )
}

/** The beginning of a cluster's name: as much as people need to tell theirs apart. */
export function shortNameOf({ name }: Pick<ClusterView, 'name'>): string {
  return name.slice(0, 8)
}

/** `2 cores · 8 GB · can be preempted`: what each worker gets. */
export function describeWorker({ cpu, memoryBytes, gpu, preemptible }: ClusterView['worker']): string {
  const parts = [
    cpu > 0 && formatCores(cpu),
    memoryBytes > 0 && formatBytes(memoryBytes),
    gpu > 0 && formatCount(gpu, 'GPU'),
    preemptible && 'can be preempted',
  ]
  return parts.filter(Boolean).join(' · ') || 'No limits'
}

/** `4 of 8`, what waits, and as a bar up to the limit. */
export function WorkerCount({ cluster: { workers, state } }: { cluster: ClusterView }) {
  const { running, wanted, waiting, limit } = workers
  if (state === 'stopped' || state === 'failed') return <span className="muted">None</span>
  return (
    <div className="worker-count">
      <span>
        {running} of {wanted}
        {waiting > 0 && <span className="muted">, {waiting} waiting</span>}
      </span>
      <StackedBar
        label={`${running} running, ${waiting} waiting, ${limit} at most`}
        total={Math.max(limit, running + waiting)}
        parts={[
          { key: 'running', amount: running, tone: 'good' },
          { key: 'waiting', amount: waiting, tone: 'accent' },
        ]}
      />
    </div>
  )
}

/** When it stops by itself, as sentences. */
export function describeTimeouts({ idleTimeoutMs, clientTimeoutMs }: ClusterView): string {
  const rules = [
    idleTimeoutMs && `after ${formatDuration(idleTimeoutMs)} without work`,
    clientTimeoutMs && `${formatDuration(clientTimeoutMs)} after its last client has left`,
  ].filter(Boolean)
  return rules.length > 0 ? `Stops ${rules.join(', or ')}.` : 'Never stops by itself.'
}

/** `Default server`, `Server lab`, or from elsewhere. */
export function describeAsker({ server }: ClusterView): string {
  if (server === undefined) return 'Outside of a server, with a token'
  return server === '' ? 'Default server' : `Server ${server}`
}

/** Options that stand elsewhere on the page, or are empty unless somebody chose something. */
const toldElsewhere = ['environment', 'idle_timeout', 'client_timeout', 'preemptible']

/** What a person chose among the options that administrators offer, beyond what is shown anyway. Variables by their names: some are secrets. */
export function listOptions({ options }: ClusterView): [name: string, value: string][] {
  return Object.entries(options).flatMap(([name, value]): [string, string][] => {
    if (toldElsewhere.includes(name)) return []
    const text = describeOption(value)
    return text === '' ? [] : [[name, text]]
  })
}

function describeOption(value: unknown): string {
  if (value === 0 || value === null || value === undefined) return ''
  if (typeof value === 'object') return Object.keys(value).join(', ')
  return String(value)
}
