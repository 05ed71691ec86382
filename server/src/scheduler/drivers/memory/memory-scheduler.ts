import { PlatformError } from '@atrium/contract/errors.ts'
import type { JobHandle, JobKey, JobSpec, Observation } from '#scheduler/job.ts'
import type { OwnerChoices } from '#scheduler/owner-choices.ts'
import type { LogOptions, Scheduler, SchedulerCapabilities, Submission } from '#scheduler/scheduler.ts'
import type { MemoryCall } from './memory-controls.ts'
import type { MemoryRun } from './memory-run.ts'
import type { MemoryWorld } from './memory-world.ts'

const capabilities: SchedulerCapabilities = {
  gpu: true,
  containerImages: false,
  limits: { cpu: false, memory: false, why: 'jobs in memory have no limits' },
  preemption: true,
  multipleNodes: true,
  warmStart: false,
  owners: false,
  hints: true,
}

/** A driver on a pretend cluster, which misbehaves as `world.controls` says. For tests of everything that stands on jobs. */
export function createMemoryScheduler(world: MemoryWorld): Scheduler {
  const { controls } = world
  const life = new AbortController()

  const ask = async <T>(
    call: MemoryCall,
    { signal }: { signal: AbortSignal },
    answer: () => T,
  ): Promise<T> => {
    signal.throwIfAborted()
    if (controls.unreachable) throw buildUnavailable()
    const value = answer()
    await controls.whenReleased(call)
    return value
  }

  return {
    driver: 'memory',
    capabilities: async () =>
      world.keepsTimeLimits ? { ...capabilities, timeLimitStepMs: 1 } : capabilities,
    submit: (specs, options) => ask('submit', options, () => submit(world, specs)),
    find: (keys, options) => ask('find', options, () => find(world, keys)),
    list: (options) =>
      ask('list', options, () =>
        world
          .listRuns()
          .filter((run) => run.state !== 'ended')
          .map((run) => run.handle),
      ),
    observe: (handles, options) =>
      ask('observe', options, () => observe(world, handles)).catch((error: unknown) => {
        if (!(error instanceof PlatformError)) throw error
        return new Map(handles.map(({ key }) => [key, { state: 'unknown', why: error.message } as const]))
      }),
    cancel: (handles, { graceMs, signal }) =>
      ask('cancel', { signal }, () => {
        for (const handle of handles) {
          const run = world.findRun(handle)
          if (run !== undefined) world.cancel(run, graceMs)
        }
      }),
    logs: (handle, options) => readOutput(world, handle, options),
    capacity: (options) =>
      ask('capacity', options, () => {
        const nodes = world.listNodes()
        const pools = [...new Set(nodes.map((node) => node.pool))]
        return { nodes, pools: pools.map((name) => ({ name, canGrowBy: 0 })) }
      }),
    choices: ({ login }, options) =>
      ask('choices', options, () => controls.choices?.(login) ?? findOpenChoices(world)),
    onChange(listener) {
      const unlisten = world.hints.listen(listener)
      life.signal.addEventListener('abort', unlisten)
      return unlisten
    },
    forget: (handles, options) =>
      ask('forget', options, () => {
        for (const handle of handles) world.forget(handle)
      }),
    close: async () => life.abort(),
  }
}

/** Everybody may use every pool, and nothing is charged. */
function findOpenChoices(world: MemoryWorld): OwnerChoices {
  const pools = [...new Set(world.listNodes().map(({ pool }) => pool))]
  const partitions = pools.map((name) => ({ name, takesJobs: true, isOpen: true, limits: {} }))
  return { bindsAccounts: false, bindsQos: false, accounts: [], partitions }
}

function buildUnavailable(): PlatformError {
  return new PlatformError('scheduler_unavailable', { message: 'The pretend scheduler is unreachable.' })
}

function submit(world: MemoryWorld, specs: readonly JobSpec[]): readonly Submission[] {
  const fault = world.controls.submitFaults.shift()
  if (fault === 'lost') throw buildUnavailable()
  const taken = fault === 'half' ? specs.slice(0, Math.ceil(specs.length / 2)) : specs
  const answers = taken.map((spec) => submitOne(world, spec, fault === 'twice'))
  if (fault === 'half' || fault === 'unanswered') throw buildUnavailable()
  return answers
}

function submitOne(world: MemoryWorld, spec: JobSpec, isDoubled: boolean): Submission {
  const [known] = world.findRuns(spec.key)
  if (known !== undefined) return { key: spec.key, outcome: 'accepted', handle: known.handle }
  const delay = world.controls.delay(spec)
  if (delay !== undefined) return { key: spec.key, outcome: 'delayed', ...delay }
  const refusal = world.controls.refuse(spec)
  if (refusal !== undefined) return { key: spec.key, outcome: 'rejected', ...refusal }
  const { handle } = world.add(spec)
  if (isDoubled) world.add(spec)
  return { key: spec.key, outcome: 'accepted', handle }
}

function find(world: MemoryWorld, keys: readonly JobKey[]): ReadonlyMap<JobKey, JobHandle> {
  const found = new Map<JobKey, JobHandle>()
  for (const key of keys) {
    const [run] = world.findRuns(key)
    if (run !== undefined) found.set(key, run.handle)
  }
  return found
}

function observe(world: MemoryWorld, handles: readonly JobHandle[]): ReadonlyMap<JobKey, Observation> {
  return new Map(handles.map((handle) => [handle.key, buildObservation(world, world.findRun(handle))]))
}

function buildObservation(world: MemoryWorld, run: MemoryRun | undefined): Observation {
  if (run === undefined) return { state: 'absent' }
  const place = run.node === undefined ? {} : { node: run.node }
  const { startedAtMs, endedAtMs } = run
  const started = startedAtMs === undefined ? {} : { startedAtMs }
  if (run.exit !== undefined) {
    const allocated = startedAtMs === undefined ? undefined : world.controls.account(run.spec)
    return {
      state: 'ended',
      exit: run.exit,
      ...started,
      ...(endedAtMs === undefined ? {} : { endedAtMs }),
      ...(allocated === undefined ? {} : { allocated }),
    }
  }
  switch (run.state) {
    case 'pending':
      return { state: 'pending', reason: 'Waiting for room on a node.' }
    case 'running': {
      const endsAtMs = world.controls.endsAtMs(run.spec)
      return {
        state: 'running',
        ...place,
        ...started,
        ...(run.endpoint === undefined ? {} : { endpoint: run.endpoint }),
        ...(endsAtMs === undefined ? {} : { endsAtMs }),
      }
    }
    default:
      return { state: 'starting', ...place }
  }
}

async function* readOutput(
  world: MemoryWorld,
  handle: JobHandle,
  { offset = 0, tailBytes, follow = false, signal }: LogOptions,
): AsyncGenerator<Uint8Array> {
  const run = world.findRun(handle)
  if (run === undefined) return
  const present = Buffer.concat(run.output)
  let position = tailBytes === undefined ? offset : Math.max(0, present.length - tailBytes)
  for (;;) {
    const hasEnded = run.state === 'ended'
    const change = world.hints.next()
    const bytes = Buffer.concat(run.output).subarray(position)
    position += bytes.length
    if (bytes.length > 0) yield bytes
    if (!follow || hasEnded) return
    await Promise.race([change, rejectOnAbort(signal)])
  }
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
