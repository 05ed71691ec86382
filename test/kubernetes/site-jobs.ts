import { randomUUID } from 'node:crypto'

import { waitFor } from '@atrium/server/platform/wait-for.ts'
import type { JobHandle, JobSpec, Observation } from '@atrium/server/scheduler/job.ts'
import type { Submission } from '@atrium/server/scheduler/scheduler.ts'

import type { DriverSite } from './driver-site.ts'

const deadlineMs = 90_000
const call = () => ({ signal: AbortSignal.timeout(deadlineMs) })

/** Jobs of a site, as a test talks of them. */
export interface SiteJobs {
  /** Its outcome, whatever it is. */
  offer(wish: Partial<JobSpec>): Promise<Submission>
  /** Fails unless it is taken. */
  submit(wish?: Partial<JobSpec>): Promise<JobHandle>
  observe(handle: JobHandle): Promise<Observation>
  /** The first observation that `isMeant`. */
  until(handle: JobHandle, what: string, isMeant: (seen: Observation) => boolean): Promise<Observation>
  /** The first in that state. */
  untilState<S extends Observation['state']>(
    handle: JobHandle,
    state: S,
  ): Promise<Extract<Observation, { state: S }>>
  cancel(handle: JobHandle): Promise<void>
}

/** `defaults` of every job; they wait until they are told to end. */
export function createSiteJobs(site: DriverSite, defaults: Partial<JobSpec> = {}): SiteJobs {
  const { scheduler, owner, workingDirectory } = site
  const offer = async (wish: Partial<JobSpec>) => {
    const spec: JobSpec = {
      key: `waits-${randomUUID()}`,
      kind: 'batch',
      owner,
      command: ['/usr/bin/python3', '-c', 'import signal; signal.pause()'],
      environment: {},
      workingDirectory,
      resources: {},
      tasks: 1,
      ports: [],
      labels: {},
      ...defaults,
      ...wish,
    }
    const [submission] = await scheduler.submit([spec], call())
    if (submission === undefined) throw new Error('no answer to a submission')
    return submission
  }
  const observe = async (handle: JobHandle) =>
    (await scheduler.observe([handle], call())).get(handle.key) ?? ({ state: 'absent' } as const)
  const until: SiteJobs['until'] = async (handle, what, isMeant) => {
    let last: Observation = { state: 'absent' }
    try {
      return await waitFor(
        what,
        async () => {
          last = await observe(handle)
          return isMeant(last) ? last : undefined
        },
        { deadlineMs },
      )
    } catch (error) {
      throw new Error(`${what}; last seen: ${JSON.stringify(last)}`, { cause: error })
    }
  }
  return {
    offer,
    async submit(wish = {}) {
      const submission = await offer(wish)
      if (submission.outcome === 'accepted') return submission.handle
      throw new Error(`${submission.reason}: ${submission.message}`)
    },
    observe,
    until,
    async untilState<S extends Observation['state']>(handle: JobHandle, state: S) {
      const seen = await until(handle, `the job to be ${state}`, (seen) => seen.state === state)
      return seen as Extract<Observation, { state: S }>
    },
    cancel: (handle) => scheduler.cancel([handle], { ...call(), graceMs: 0 }),
  }
}
