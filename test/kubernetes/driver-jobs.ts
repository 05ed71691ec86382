import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'

import { waitFor } from '@atrium/server/platform/wait-for.ts'
import { type BuildProgram, pythonProgram } from '@atrium/server/scheduler/conformance/programs.ts'
import type { JobHandle, JobSpec, Observation } from '@atrium/server/scheduler/job.ts'
import type { Scheduler, Submission } from '@atrium/server/scheduler/scheduler.ts'

import { type DriverSite, podPython } from './driver-site.ts'

const deadlineMs = 90_000

/** Jobs of a test, by the driver alone. */
export interface DriverJobs {
  program: BuildProgram
  spec(command: JobSpec['command'], more?: Partial<JobSpec>): JobSpec
  /** One that waits until it is told to end. */
  waiting(more?: Partial<JobSpec>): JobSpec
  /** Its outcome, whatever that is. */
  offer(spec: JobSpec): Promise<Submission>
  /** Fails when it is not accepted. */
  submit(spec: JobSpec): Promise<JobHandle>
  observe(handle: JobHandle): Promise<Observation>
  /** The first observation in one of the states, that `accepts` where it is given. */
  until<S extends Observation['state']>(
    handle: JobHandle,
    state: S,
    accepts?: (seen: Extract<Observation, { state: S }>) => boolean,
  ): Promise<Extract<Observation, { state: S }>>
  cancel(handle: JobHandle, graceMs?: number): Promise<void>
}

export function openDriverJobs(
  site: Pick<DriverSite, 'owner' | 'workingDirectory'>,
  scheduler: Scheduler,
): DriverJobs {
  const signal = AbortSignal.timeout(1_200_000)
  const observe = async (handle: JobHandle) => {
    const seen = (await scheduler.observe([handle], { signal })).get(handle.key)
    assert.ok(seen)
    return seen
  }
  const spec: DriverJobs['spec'] = (command, more = {}) => ({
    key: `faults-${randomUUID()}`,
    kind: 'batch',
    owner: site.owner,
    command,
    environment: {},
    workingDirectory: site.workingDirectory,
    resources: {},
    tasks: 1,
    ports: [],
    labels: {},
    ...more,
  })
  const offer = async (wish: JobSpec) => {
    const [submission] = await scheduler.submit([wish], { signal })
    assert.ok(submission)
    return submission
  }
  return {
    program: pythonProgram(podPython),
    spec,
    waiting: (more) => spec([podPython, '-c', 'import signal; signal.pause()'], more),
    offer,
    async submit(wish) {
      // A cluster that was just mended, or is busy, takes a while.
      const submission = await waitFor('an answer', () => offer(wish).catch(() => undefined), {
        deadlineMs,
      })
      assert.equal(submission.outcome, 'accepted', JSON.stringify(submission))
      return submission.handle
    },
    observe,
    async until(handle, state, accepts = () => true) {
      let last: Observation | undefined
      const found = await waitFor(
        `the job to be ${state}`,
        async () => {
          last = await observe(handle)
          return last.state === state && accepts(last as never) ? last : undefined
        },
        { deadlineMs, everyMs: 25 },
      ).catch((error: unknown) => assert.fail(`${error}; last seen: ${JSON.stringify(last)}`))
      return found as never
    },
    cancel: (handle, graceMs = 0) => scheduler.cancel([handle], { graceMs, signal }),
  }
}
