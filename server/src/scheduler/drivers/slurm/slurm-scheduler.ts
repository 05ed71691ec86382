import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'
import type { JobHandle, JobKey } from '#scheduler/job.ts'
import type { JobPlacement, JobPlacements, LaunchSource } from '#scheduler/job-placement.ts'
import type { LogOptions, Scheduler, SchedulerCapabilities, WaitOptions } from '#scheduler/scheduler.ts'
import { createCanceller } from './cancel-jobs.ts'
import { buildCapacity } from './capacity.ts'
import { createHints, endingPacesMs } from './hints.ts'
import { observeJobs } from './observe-jobs.ts'
import type { SlurmClient } from './slurm-client.ts'
import type { SlurmSchedulerConfig } from './slurm-config.ts'
import { buildLogPath, readSlurmLog, removeLog } from './slurm-log.ts'
import { createSlurmQueue } from './slurm-queue.ts'
import { buildHandle, driverName, type SlurmSite } from './slurm-site.ts'
import { findSubmitted, submitJobs } from './submit-jobs.ts'

/** The Slurm driver, and what only it can do. */
export interface SlurmScheduler extends Scheduler {
  /** A job reported something, to this replica. `ended`: its program has. */
  heard(key: JobKey, what: 'started' | 'ports' | 'ended' | 'usage'): void
  /** Where nodes write this job's output. */
  logPath(key: JobKey): string
}

export interface SlurmSchedulerOptions {
  client: SlurmClient
  placements: JobPlacements
  launches: LaunchSource
  clock: Clock
  log: Logger
}

const minuteMs = 60_000
/** While a reader follows a job's output: how often its end is looked for beside what it reports itself. */
const followPaceMs = 2000

/** Runs jobs on the nodes of a Slurm cluster, as their owners. */
export function createSlurmScheduler(
  config: SlurmSchedulerConfig,
  { client, placements, launches, clock, log }: SlurmSchedulerOptions,
): SlurmScheduler {
  const queue = createSlurmQueue(client, {
    instance: config.instance,
    clock,
    timeoutMs: config.callTimeoutMs,
  })
  const site: SlurmSite = { config, client, queue, placements, hints: createHints(), clock, log }
  const canceller = createCanceller(site)
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
      const owners = await Promise.all(keys.map((key) => findOwner(site, launches, key)))
      const known = await findSubmitted(
        site,
        owners.flatMap((owner) => owner ?? []),
      )
      return new Map([...known].map((key) => [key, buildHandle(key)]))
    },

    list: () => listJobs(site),
    observe: (handles, options) => observeJobs(site, handles, options),
    cancel: (handles, options) => canceller.cancel(handles, options),
    logs: (handle, options) => readLogs(site, handle, options),

    async capacity({ signal }) {
      return buildCapacity(await client.listNodes({ signal }))
    },

    onChange: (listener) => site.hints.subscribe(listener),

    async forget(handles) {
      const keys = handles.map(({ key }) => key)
      await Promise.all(keys.map((key) => removeLog(buildLogPath(config, key))))
      await placements.forget(keys)
    },

    heard(key, what) {
      if (what === 'usage') return
      queue.expire()
      if (what === 'ended') site.hints.expect([key], endingPacesMs)
      site.hints.tell([key])
    },

    logPath: (key) => buildLogPath(config, key),

    async close() {
      canceller.close()
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

/** Whose job it is: recorded at its submission, or known to the platform. */
async function findOwner({ placements }: SlurmSite, launches: LaunchSource, key: JobKey) {
  const uid = (await placements.read([key])).get(key)?.uid ?? (await launches.findLaunch(key))?.owner.uid
  return uid === undefined ? undefined : { key, uid }
}

async function listJobs({ placements, queue }: SlurmSite): Promise<readonly JobHandle[]> {
  const { live } = await queue.look()
  const placed = await placements.read(live.map(([key]) => key))
  const ours = live.filter(([key, { uid }]) => (placed.get(key)?.uid ?? uid) === uid)
  return [...new Set(ours.map(([key]) => key))].map(buildHandle)
}

async function* readLogs(
  site: SlurmSite,
  handle: JobHandle,
  options: LogOptions,
): AsyncGenerator<Uint8Array> {
  const { key } = handle
  const { follow = false, offset = 0, tailBytes, signal } = options
  const path = buildLogPath(site.config, key)
  const end = watchForEnd(site, handle, signal)
  try {
    const placement = follow ? await end.hasStarted() : (await site.placements.read([key])).get(key)
    if (placement === undefined) return
    yield* readSlurmLog({
      path,
      uid: placement.uid,
      start: placement.logStart ?? 0,
      offset,
      ...(tailBytes === undefined ? {} : { tailBytes }),
      follow,
      ended: end.ended,
      signal,
    })
  } finally {
    end.close()
  }
}

/** Looks for a job's end for as long as somebody follows its output. */
function watchForEnd(site: SlurmSite, handle: JobHandle, signal: AbortSignal) {
  const { promise: ended, resolve } = Promise.withResolvers<void>()
  const life = new AbortController()
  const bounds = AbortSignal.any([signal, life.signal])
  let wake = () => {}
  const off = site.hints.subscribe((keys) => keys.includes(handle.key) && wake())

  const pause = () => {
    const heard = new Promise<void>((done) => (wake = done))
    return Promise.race([heard, site.clock.sleep(followPaceMs, { signal: bounds }).catch(() => {})])
  }
  const look = async () => {
    const observation = (await observeJobs(site, [handle], { signal: bounds })).get(handle.key)
    return observation?.state === 'ended' || observation?.state === 'absent'
  }
  const watch = async () => {
    while (!bounds.aborted) {
      if (await look()) return resolve()
      await pause()
    }
  }
  return {
    ended,
    /** Once there can be output: the job has been given out, or has ended without. */
    async hasStarted(): Promise<JobPlacement | undefined> {
      void watch().catch(() => {})
      for (;;) {
        signal.throwIfAborted()
        const placement = (await site.placements.read([handle.key])).get(handle.key)
        if (placement === undefined || placement.claimedBy !== undefined) return placement
        if (await Promise.race([ended.then(() => true), pause().then(() => false)])) return placement
      }
    },
    close() {
      life.abort()
      off()
    },
  }
}
