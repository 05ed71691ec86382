import type { JobKind } from '@atrium/contract/jobs.ts'

import type { JobSpec } from './job.ts'

/** Kinds of which a job of several tasks runs its program once for each; others are one program that starts the rest by itself. */
const kindsOfTasks: ReadonlySet<JobKind> = new Set(['batch', 'engine'])

/** How many times the job's program is started. */
export function countPrograms({ kind, tasks }: JobSpec): number {
  return kindsOfTasks.has(kind) ? tasks : 1
}

/**
 * The variables of each task. Unless the job says otherwise it computes with as many threads as it has cores: a library that counts the
 * machine's would start hundreds. Output is not held back, since people watch it.
 */
export function buildTaskEnvironment(spec: JobSpec): Readonly<Record<string, string>> {
  if (!kindsOfTasks.has(spec.kind)) return spec.environment
  const { cpu } = spec.resources
  return {
    PYTHONUNBUFFERED: '1',
    ...(cpu === undefined ? {} : { OMP_NUM_THREADS: String(Math.max(1, Math.ceil(cpu))) }),
    ...spec.environment,
  }
}
