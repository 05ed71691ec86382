import type { Profile, ServerDetails, ServerState } from '@atrium/contract/servers.ts'

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
export function listProfileFacts({ cpu, memoryBytes, gpu, timeLimitMs }: Profile): string[] {
  return [
    cpu && formatCores(cpu),
    memoryBytes && formatBytes(memoryBytes),
    gpu && formatCount(gpu, 'GPU'),
    timeLimitMs && `${formatDuration(timeLimitMs)} at most`,
  ].filter((fact) => typeof fact === 'string')
}
