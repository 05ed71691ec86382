import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'
import type { JobHandle, JobKey } from '#scheduler/job.ts'
import type { JobPlacements, LaunchSource } from '#scheduler/job-placement.ts'
import type { PlacementNews } from '#scheduler/placement-news.ts'
import type { Scheduler, SchedulerCapabilities, WaitOptions } from '#scheduler/scheduler.ts'
import { cancelJobs } from './cancel-jobs.ts'
import { buildCapacity } from './capacity.ts'
import { createHints, endingPacesMs, startedPacesMs } from './hints.ts'
import { observeJobs } from './observe-jobs.ts'
import { readJobLog } from './read-job-log.ts'
import type { SlurmClient } from './slurm-client.ts'
import type { SlurmSchedulerConfig } from './slurm-config.ts'
import { buildLogPath, removeLog } from './slurm-log.ts'
import { createSlurmQueue } from './slurm-queue.ts'
import { buildHandle, driverName, type SlurmSite } from './slurm-site.ts'
import { findSubmitted, submitJobs } from './submit-jobs.ts'

/** The Slurm driver, and what only it can do. */
export interface SlurmScheduler extends Scheduler {
  /** A job reported something, to this replica. `ended`: its program has. */
  heard(key: JobKey, what: PlacementNews): void
  /** Where nodes write this job's output. */
  logPath(key: JobKey): string
}

export interface SlurmSchedulerOptions {
  client: SlurmClient
  placements: JobPlacements
  launches: LaunchSource
  /** What users may ask for. */
  choices?: NonNullable<Scheduler['choices']>
  clock: Clock
  log: Logger
}

const minuteMs = 60_000
const listedAgeMs = 1000

/** Runs jobs on the nodes of a Slurm cluster, as their owners. */
export function createSlurmScheduler(
  config: SlurmSchedulerConfig,
  { client, placements, launches, choices, clock, log }: SlurmSchedulerOptions,
): SlurmScheduler {
  const queue = createSlurmQueue(client, {
    instance: config.instance,
    clock,
    timeoutMs: config.callTimeoutMs,
  })
  const site: SlurmSite = { config, client, queue, placements, hints: createHints(), clock, log }
  let submitting: Promise<unknown> = Promise.resolve()

  return {
    driver: driverName,
    capabilities: (options) => findCapabilities(site, options),

    submit(specs, options) {
      // One batch after the other: each looks for what the one before may have submitted.
      const submitted = submitting.then(() => submitJobs(site, specs, options))
      submitting = submitted.catch(() => {})
      return submitted
    },

    async find(keys) {
      const known = await findSubmitted(site, await findOwners(site, launches, keys))
      return new Map([...known].map((key) => [key, buildHandle(key)]))
    },

    list: () => listJobs(site),
    observe: (handles, options) => observeJobs(site, handles, options),
    cancel: (handles, options) => cancelJobs(site, handles, options),
    logs: (handle, options) => readJobLog(site, handle, options),

    async capacity({ signal }) {
      return buildCapacity(await client.listNodes({ signal }))
    },

    ...(choices === undefined ? {} : { choices }),

    onChange: (listener) => site.hints.subscribe(listener),

    async forget(handles) {
      const keys = handles.map(({ key }) => key)
      await Promise.all(keys.map((key) => removeLog(buildLogPath(config, key))))
      await placements.forget(keys)
    },

    heard(key, what) {
      if (what !== 'memory') queue.expire()
      if (what === 'started') {
        site.hints.expect([key], startedPacesMs)
        return
      }
      if (what === 'ports') site.hints.settle(key)
      if (what === 'ended') site.hints.expect([key], endingPacesMs)
      site.hints.tell([key])
    },

    logPath: (key) => buildLogPath(config, key),

    async close() {
      site.hints.close()
    },
  }
}

async function findCapabilities(
  { client }: SlurmSite,
  { signal }: WaitOptions,
): Promise<SchedulerCapabilities> {
  const [nodes, limits] = await Promise.all([client.listNodes({ signal }), client.limits({ signal })])
  return {
    gpu: nodes.some(({ gpus }) => gpus > 0),
    containerImages: false,
    limits,
    preemption: true,
    multipleNodes: true,
    warmStart: false,
    owners: true,
    hints: true,
    timeLimitStepMs: minuteMs,
  }
}

/** Whose jobs these are: recorded at their submission, or known to the platform. Others are left out. */
async function findOwners({ placements }: SlurmSite, launches: LaunchSource, keys: readonly JobKey[]) {
  const placed = await placements.read(keys)
  const owners = await Promise.all(
    keys.map(async (key) => {
      const uid = placed.get(key)?.uid ?? (await launches.findLaunch(key))?.owner.uid
      return uid === undefined ? [] : [{ key, uid }]
    }),
  )
  return owners.flat()
}

async function listJobs({ placements, queue }: SlurmSite): Promise<readonly JobHandle[]> {
  // What was just looked at for another reason will do: nobody who is in it could be unknown to us by now.
  const { live } = await queue.look({ maxAgeMs: listedAgeMs })
  const placed = await placements.read(live.map(([key]) => key))
  const ours = live.filter(([key, { uid }]) => (placed.get(key)?.uid ?? uid) === uid)
  return [...new Set(ours.map(([key]) => key))].map(buildHandle)
}
