import type { Profile, ProfileAccount, ServerDetails, ServerState } from '@atrium/contract/servers.ts'

import { formatBytes, formatCores, formatCount } from '#ui/amounts.ts'
import type { Tone } from '#ui/badge.tsx'
import { formatDuration } from '#ui/time.tsx'

/** What people read instead of a state's name. */
export const stateWords: Record<ServerState, { word: string; tone: Tone; moving: boolean }> = {
  stopped: { word: 'Stopped', tone: 'neutral', moving: false },
  queued: { word: 'Waiting in line', tone: 'accent', moving: true },
  starting: { word: 'Starting', tone: 'accent', moving: true },
  running: { word: 'Running', tone: 'good', moving: false },
  stopping: { word: 'Stopping', tone: 'warn', moving: true },
  failed: { word: 'Failed', tone: 'bad', moving: false },
  unknown: { word: 'Unknown', tone: 'warn', moving: true },
}

/** What a server is called. */
export function titleOf({ name, displayName }: Pick<ServerDetails, 'name' | 'displayName'>): string {
  return displayName || name || 'Default server'
}

/** `2 cores`, `4 GB`, `8 h at most`: what a profile gives, in short. */
export function listProfileFacts(profile: Profile): string[] {
  const { cpu, memoryBytes, gpu, timeLimitMs, nodes, exclusive, preemptible } = profile
  return [
    nodes && nodes > 1 && formatCount(nodes, 'node'),
    exclusive && (nodes && nodes > 1 ? 'whole nodes' : 'a whole node'),
    cpu && formatCores(cpu),
    memoryBytes && formatBytes(memoryBytes),
    gpu && formatCount(gpu, 'GPU'),
    timeLimitMs && `${formatDuration(timeLimitMs)} at most`,
    preemptible && 'can be preempted',
  ].filter((fact) => typeof fact === 'string')
}

/** `8 h`, `5 jobs at a time`, `16 cores`: what an account allows at most. */
export function listLimits({
  timeLimitMs,
  jobs,
  nodes,
  cpu,
  gpu,
  memoryBytes,
}: ProfileAccount['limits']): string[] {
  return [
    timeLimitMs && formatDuration(timeLimitMs),
    jobs && `${formatCount(jobs, 'job')} at a time`,
    nodes && formatCount(nodes, 'node'),
    cpu && formatCores(cpu),
    gpu && formatCount(gpu, 'GPU'),
    memoryBytes && formatBytes(memoryBytes),
  ].filter((limit) => typeof limit === 'string')
}
