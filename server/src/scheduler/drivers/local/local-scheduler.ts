import { join } from 'node:path'

import { isPlatformError, PlatformError } from '@atrium/contract/errors.ts'
import type { JobHandle, JobKey, JobSpec, Observation } from '#scheduler/job.ts'
import { readLog } from '#scheduler/log-file.ts'
import type {
  LogOptions,
  Scheduler,
  SchedulerCapabilities,
  Submission,
  WaitOptions,
} from '#scheduler/scheduler.ts'
import { type AgentClient, createAgentClient } from './agent-client.ts'
import type { AgentEvent, AgentHello, AgentStatus, AgentWarmEnvironment } from './agent-protocol.ts'
import type { LocalSchedulerConfig } from './local-config.ts'
import {
  buildAgentSpec,
  buildHandle,
  driverName,
  findObstacle,
  parseObservation,
  parseSubmission,
} from './local-parse.ts'
import { measureMachine } from './machine.ts'

/** Starting writes to the disk, once a job. */
const submitPatience = 6
const submitBatch = 100

/** The local driver, and what only it can do. */
export interface LocalScheduler extends Scheduler {
  /** Keeps an interpreter of this environment loaded, so that jobs of it start warm. `entry` as in `WarmEntry`; default: notebook servers. Safe to repeat; returns before it is ready. */
  preload(prefix: string, options: WaitOptions & { entry?: string }): Promise<AgentWarmEnvironment>
  /** Lets a preloaded interpreter go. */
  unload(prefix: string, options: WaitOptions): Promise<void>
  /** The agent, its limits and its warm environments, for `atrium status`. */
  status(options: WaitOptions): Promise<AgentStatus>
  /** The agent ends; jobs go on. */
  shutdownAgent(options: WaitOptions): Promise<void>
}

/** Runs jobs as processes of this machine, by the node agent. */
export function createLocalScheduler(config: LocalSchedulerConfig): LocalScheduler {
  const agent = createAgentClient(config)
  let hello: AgentHello | undefined

  async function getHello({ signal }: WaitOptions): Promise<AgentHello> {
    hello ??= await agent.call('hello', {}, { signal })
    return hello
  }

  return {
    driver: driverName,
    programsAtOnce: config.programsAtOnce,
    capabilities: async (options) => buildCapabilities(await getHello(options)),

    async submit(specs, options) {
      const asOwner = (await getHello(options)).uid === 0
      const submissions: Submission[] = []
      for (let start = 0; start < specs.length; start += submitBatch) {
        const batch = specs.slice(start, start + submitBatch)
        submissions.push(...(await submitBatchTo(agent, batch, { ...options, asOwner, config })))
      }
      return submissions
    },

    async find(keys, { signal }) {
      const { jobs } = await agent.call('list', { keys }, { signal })
      return new Map(jobs.map(({ key }) => [key, buildHandle(key)]))
    },

    async list({ signal }) {
      const { jobs } = await agent.call('list', { live: true }, { signal })
      return jobs.map(({ key }) => buildHandle(key))
    },

    observe: (handles, { signal }) => observeJobs(agent, handles, signal),

    async cancel(handles, { graceMs, signal }) {
      await agent.call('stop', { keys: keysOf(handles), graceMs }, { signal })
    },

    logs: (handle, options) => readJobLog({ agent, config, handle, ...options }),

    async capacity({ signal }) {
      // A machine whose agent does not answer can run nothing.
      await agent.call('hello', {}, { signal })
      return { nodes: [await measureMachine(driverName)], pools: [{ name: driverName, canGrowBy: 0 }] }
    },

    onChange: (listener) => listenForChanges(agent, listener),

    async forget(handles, { signal }) {
      await agent.call('forget', { keys: keysOf(handles) }, { signal })
    },

    preload: (prefix, { entry, signal }) => agent.call('preload', { prefix, entry }, { signal }),

    async unload(prefix, { signal }) {
      await agent.call('unload', { prefix }, { signal })
    },

    status: ({ signal }) => agent.call('status', {}, { signal }),

    async shutdownAgent({ signal }) {
      await agent.call('shutdown', {}, { signal })
      agent.close()
    },

    close: async () => agent.close(),
  }
}

function keysOf(handles: readonly JobHandle[]): JobKey[] {
  return handles.map(({ key }) => key)
}

function buildCapabilities({ cgroups, uid }: AgentHello): SchedulerCapabilities {
  return {
    gpu: false,
    containerImages: false,
    limits: { cpu: cgroups.limits.cpu, memory: cgroups.limits.memory, why: cgroups.why },
    preemption: false,
    multipleNodes: false,
    warmStart: true,
    owners: uid === 0,
    hints: true,
    timeLimitStepMs: 1,
  }
}

async function submitBatchTo(
  agent: AgentClient,
  specs: readonly JobSpec[],
  { signal, asOwner, config }: WaitOptions & { asOwner: boolean; config: LocalSchedulerConfig },
): Promise<Submission[]> {
  const refused = new Map<JobKey, Submission>()
  for (const { key, ...spec } of specs) {
    const obstacle = findObstacle({ key, ...spec })
    if (obstacle) refused.set(key, { key, outcome: 'rejected', ...obstacle })
  }
  const jobs = specs
    .filter(({ key }) => !refused.has(key))
    .map((spec) => buildAgentSpec(spec, { asOwner, config }))
  const { results } = await agent.call(
    'start',
    { jobs },
    { signal, timeoutMs: submitPatience * config.callTimeoutMs },
  )
  const answered = results.values()
  return specs.map(({ key }) => refused.get(key) ?? parseNext(answered, key))
}

/** The agent answers in the order of the request; its key can be missing where ours was malformed. */
function parseNext(results: Iterator<Parameters<typeof parseSubmission>[0]>, key: JobKey): Submission {
  const next = results.next()
  if (next.done) throw new PlatformError('scheduler_unavailable', { detail: 'the agent answered too little' })
  return parseSubmission({ ...next.value, key })
}

async function observeJobs(
  agent: AgentClient,
  handles: readonly JobHandle[],
  signal: AbortSignal,
): Promise<ReadonlyMap<JobKey, Observation>> {
  try {
    const { jobs } = await agent.call('list', { keys: keysOf(handles), usage: true }, { signal })
    const found = new Map(jobs.map((job) => [job.key, job]))
    return new Map(handles.map(({ key }) => [key, parseObservation(found.get(key))]))
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return new Map(handles.map(({ key }) => [key, { state: 'unknown', why }]))
  }
}

function listenForChanges(agent: AgentClient, listener: (keys: readonly JobKey[]) => void): () => void {
  const signal = new AbortController()
  async function tellAll(): Promise<void> {
    const { jobs } = await agent.call('list', {}, { signal: signal.signal })
    listener(jobs.map(({ key }) => key))
  }
  const off = agent.onEvent((event) => {
    if (event?.key !== undefined) listener([event.key])
    // Only a hint: when this fails, asking regularly is the safety net.
    else if (event === undefined) void tellAll().catch(() => {})
  })
  return () => {
    signal.abort()
    off()
  }
}

async function* readJobLog(
  options: {
    agent: AgentClient
    config: LocalSchedulerConfig
    handle: JobHandle
  } & LogOptions,
): AsyncGenerator<Uint8Array> {
  const { agent, config, handle, signal, offset = 0, tailBytes, follow = false } = options
  const watch = watchForEnd(agent, handle.key, signal)
  try {
    const start = await watch.check()
    yield* readLog({
      path: join(config.dataDir, 'jobs', handle.ref, 'log'),
      start,
      offset,
      ...(tailBytes === undefined ? {} : { tailBytes }),
      follow,
      ended: watch.ended,
      signal,
    })
  } finally {
    watch.close()
  }
}

/** Knows when a job has ended: by the agent's event, and by asking again after a break in the connection. */
function watchForEnd(agent: AgentClient, key: JobKey, signal: AbortSignal) {
  const { promise: ended, resolve } = Promise.withResolvers<void>()

  /** Answers where the log starts; 0 while the agent cannot be asked: the file can be read all the same. */
  async function check(): Promise<number> {
    try {
      const { jobs } = await agent.call('list', { keys: [key] }, { signal })
      const job = jobs[0]
      if (!job || job.state === 'ended') resolve()
      return job?.log.start ?? 0
    } catch (error) {
      if (isPlatformError(error, 'scheduler_unavailable')) return 0
      throw error
    }
  }
  const off = agent.onEvent((event: AgentEvent | undefined) => {
    if (event === undefined) void check().catch(() => {})
    else if (event.key === key && (event.event === 'exited' || event.event === 'absent')) resolve()
  })
  return { ended, check, close: off }
}
