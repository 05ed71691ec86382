import type { JobKind } from '@atrium/contract/jobs.ts'

import type { JobSpec } from './job.ts'

/** Kinds of which a job of several tasks runs its program once for each; others are one program that starts the rest by itself. */
const kindsOfTasks: ReadonlySet<JobKind> = new Set(['batch', 'engine'])

/** How many times the job's program is started. */
export function countPrograms({ kind, tasks }: JobSpec): number {
  return kindsOfTasks.has(kind) ? tasks : 1
}
