import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'

import { waitFor } from '#platform/wait-for.ts'
import type { JobHandle, JobOwner, JobSpec, Observation } from '#scheduler/job.ts'
import type { Scheduler, SchedulerCapabilities } from '#scheduler/scheduler.ts'
import type { BuildProgram } from './programs.ts'

/** One scheduler to test, with nothing of ours running on it. */
export interface ConformanceSite {
  scheduler: Scheduler
  /** A new instance on the same scheduler, as after a restart of the control plane; the first one is closed before or forgotten. */
  reopen(): Promise<Scheduler>
  owner: JobOwner
  /** A folder on the nodes that the owner can write in. */
  workingDirectory: string
  program: BuildProgram
  /** Makes the scheduler unreachable for us, jobs untouched, until the function it answers is called. Absent: cannot be done here. */
  disconnect?(): Promise<() => Promise<void>>
  /** Changes a spec so that its job stays `pending`. Absent: this scheduler starts everything at once. */
  buildPending?(spec: JobSpec): JobSpec
  /** Everything about the jobs that users of the nodes and the scheduler other than the owner can read. */
  visibleText?(): Promise<string>
  dispose(): Promise<void>
}

/** How a driver takes part: see `schedulerConformance`. */
export interface ConformanceOptions {
  create(): Promise<ConformanceSite>
  /** How long one change may take before the suite gives up. Default 20 s. */
  deadlineMs?: number
  /** Jobs in the large batch. Default 200. */
  batchSize?: number
  /** Time limits coarser than this are not waited for. Default 2 s. */
  longestTimeLimitStepMs?: number
}

/** What a case of the suite works with. */
export interface Case extends ConformanceSite {
  t: TestContext
  signal: AbortSignal
  capabilities: SchedulerCapabilities
  options: Required<Pick<ConformanceOptions, 'batchSize' | 'longestTimeLimitStepMs'>>
  /** A spec with a fresh key. */
  spec(command: readonly [string, ...string[]], more?: Partial<JobSpec>): JobSpec
  /** Submits one job that must be accepted. */
  submit(spec: JobSpec, scheduler?: Scheduler): Promise<JobHandle>
  observe(handle: JobHandle, scheduler?: Scheduler): Promise<Observation>
  /** The first observation in one of these states. */
  until<S extends Observation['state']>(
    handle: JobHandle,
    ...states: S[]
  ): Promise<Extract<Observation, { state: S }>>
  /** All output so far; polls until it contains `text` if that is given. */
  output(handle: JobHandle, text?: string): Promise<string>
}

/** Registers one case: a fresh site, and everything it started ended afterwards. */
export type RegisterCase = (title: string, run: (site: Case) => Promise<void>) => void

/** Makes the function with which the groups of the suite register their cases. */
export function createRegistrar(options: ConformanceOptions): RegisterCase {
  return (title, run) => {
    test(title, async (t) => {
      const site = await options.create()
      const signal = AbortSignal.any([t.signal, AbortSignal.timeout(10 * (options.deadlineMs ?? 20_000))])
      try {
        await run(await buildCase(site, { ...options, t, signal }))
      } finally {
        await site.dispose()
      }
    })
  }
}

async function buildCase(
  site: ConformanceSite,
  options: ConformanceOptions & { t: TestContext; signal: AbortSignal },
): Promise<Case> {
  const { t, signal, deadlineMs = 20_000 } = options
  const observe = async (handle: JobHandle, scheduler = site.scheduler) => {
    const observation = (await scheduler.observe([handle], { signal })).get(handle.key)
    assert.ok(observation, 'observe answers for every handle')
    return observation
  }
  return {
    ...site,
    t,
    signal,
    capabilities: await site.scheduler.capabilities({ signal }),
    options: {
      batchSize: options.batchSize ?? 200,
      longestTimeLimitStepMs: options.longestTimeLimitStepMs ?? 2000,
    },
    spec: (command, more) => buildSpec(site, command, more),
    submit: async (spec, scheduler = site.scheduler) => {
      const [submission] = await scheduler.submit([spec], { signal })
      assert.equal(submission?.outcome, 'accepted', JSON.stringify(submission))
      assert.equal(submission.key, spec.key)
      return submission.handle
    },
    observe,
    until: async <S extends Observation['state']>(handle: JobHandle, ...states: S[]) => {
      let last: Observation | undefined
      const found = await waitFor(
        `${states.join(' or ')}`,
        async () => {
          last = await observe(handle)
          return (states as string[]).includes(last.state) ? last : undefined
        },
        { deadlineMs },
      ).catch((error: unknown) => assert.fail(`${error}; last seen: ${JSON.stringify(last)}`))
      return found as Extract<Observation, { state: S }>
    },
    output: (handle, text) => waitForOutput(site.scheduler, handle, { text, signal, deadlineMs }),
  }
}

function buildSpec(
  site: ConformanceSite,
  command: readonly [string, ...string[]],
  more: Partial<JobSpec> = {},
): JobSpec {
  return {
    key: `conformance-${randomUUID()}`,
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
  }
}

/** Everything an async iterable of bytes gives, as text. */
export async function readText(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk)
  return Buffer.concat(parts).toString('utf8')
}

async function waitForOutput(
  scheduler: Scheduler,
  handle: JobHandle,
  { text, signal, deadlineMs }: { text: string | undefined; signal: AbortSignal; deadlineMs: number },
): Promise<string> {
  const read = () => readText(scheduler.logs(handle, { signal }))
  if (text === undefined) return read()
  return waitFor(
    `output with ${text}`,
    async () => {
      const all = await read()
      return all.includes(text) ? all : undefined
    },
    { deadlineMs, everyMs: 25 },
  )
}
