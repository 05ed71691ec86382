import type { JobState } from '@atrium/contract/jobs.ts'
import type { JobView } from '@atrium/contract/jobs-api.ts'

import { formatBytes, formatCores, formatCount } from '#ui/amounts.ts'
import { Badge, type Tone } from '#ui/badge.tsx'

const stateWords: Record<JobState, { word: string; tone: Tone; moving?: boolean }> = {
  queued: { word: 'Waiting for quota', tone: 'accent', moving: true },
  pending: { word: 'Waiting for a node', tone: 'accent', moving: true },
  starting: { word: 'Starting', tone: 'accent', moving: true },
  running: { word: 'Running', tone: 'good' },
  stopping: { word: 'Stopping', tone: 'warn', moving: true },
  succeeded: { word: 'Ended', tone: 'neutral' },
  failed: { word: 'Failed', tone: 'bad' },
  cancelled: { word: 'Stopped', tone: 'neutral' },
  preempted: { word: 'Preempted', tone: 'warn' },
  unknown: { word: 'Unknown', tone: 'warn', moving: true },
}

const kindWords: Record<JobView['kind'], string> = {
  server: 'Server',
  'dask-scheduler': 'Dask scheduler',
  'dask-worker': 'Dask worker',
  engine: 'Engine',
  batch: 'Batch job',
  app: 'App',
  'environment-build': 'Environment build',
  backup: 'Backup',
}

/** A job's state as a word with a colour. */
export function JobStateBadge({ state }: { state: JobState }) {
  const { word, tone, moving } = stateWords[state]
  return (
    <Badge tone={tone} dot={moving ? 'pulsing' : 'still'}>
      {word}
    </Badge>
  )
}

/** What a job is, in words: `Server`, `Server gpu`, `Dask worker`. */
export function describeJob({ kind, server }: JobView): string {
  return [kindWords[kind], server].filter(Boolean).join(' ')
}

/** A kind of job in words, or its name where it is news to this portal. */
export function describeKind(kind: string): string {
  return Object.hasOwn(kindWords, kind) ? kindWords[kind as JobView['kind']] : kind
}

/** `2 cores · 4 GB`: what a job asked for. */
export function describeResources({ cpu, memoryBytes, gpu }: JobView['resources']): string {
  const parts = [
    cpu && formatCores(cpu),
    memoryBytes && formatBytes(memoryBytes),
    gpu && formatCount(gpu, 'GPU'),
  ]
  return parts.filter(Boolean).join(' · ') || 'No limits'
}
