import type { JobView } from '@atrium/contract/jobs-api.ts'

import { type JobNames, readJobNames } from '#observe/job-names.ts'
import type { Job, JobWait } from '#scheduler/job-record.ts'
import type { ReadableDatabase } from '#store/store.ts'

/** Jobs as people see them: no environment, no command line, no secrets. `places`: those of the queue, where they are wanted. */
export async function buildJobViews(
  db: ReadableDatabase,
  jobs: readonly Job[],
  places: ReadonlyMap<string, JobWait> = new Map(),
): Promise<JobView[]> {
  const namesOf = await readJobNames(db, jobs)
  return jobs.map((job) => buildJobView(job, namesOf(job), places.get(job.key) ?? job.wait))
}

function buildJobView(job: Job, names: JobNames, wait: JobWait | undefined): JobView {
  const { cpu, memoryBytes, gpu } = job.spec.resources
  return dropUndefined<JobView>({
    key: job.key,
    kind: job.kind,
    state: job.state,
    ...names,
    driver: job.driver,
    node: job.node,
    resources: dropUndefined({ cpu, memoryBytes, gpu }),
    usage: job.usage,
    tasks: job.spec.tasks,
    reason: job.reason,
    message: job.message,
    exitCode: job.exitCode,
    exitSignal: job.exitSignal,
    attempts: job.attempts,
    restarts: job.restarts,
    priority: job.priority,
    place: wait?.place,
    estimatedStartAtMs: wait?.estimatedStartMs === undefined ? undefined : Math.round(wait.estimatedStartMs),
    requestedAtMs: job.requestedAtMs,
    startedAtMs: job.startedAtMs,
    readyAtMs: job.readyAtMs,
    endsAtMs: job.endsAtMs,
    endedAtMs: job.endedAtMs,
  })
}

/** Absent and undefined are the same in JSON, but not in types. */
function dropUndefined<T extends object>(value: { [Key in keyof T]: T[Key] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as T
}
