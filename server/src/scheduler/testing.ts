import { randomBytes } from 'node:crypto'

import type { Clock } from '#platform/clock.ts'
import { createFakeClock, type FakeClock } from '#platform/fake-clock.ts'
import { createSilentLogger } from '#platform/log.ts'
import { createSealedBox } from '#platform/sealed-box.ts'
import { waitFor } from '#platform/wait-for.ts'
import type { Store } from '#store/store.ts'
import type { TestStoreKind, TestStoreSite } from '#store/testing.ts'
import { memoryPrograms } from './drivers/memory/memory-programs.ts'
import { createMemoryScheduler } from './drivers/memory/memory-scheduler.ts'
import { MemoryWorld, type MemoryWorldOptions } from './drivers/memory/memory-world.ts'
import type { JobKey } from './job.ts'
import type { Job, JobRequest } from './job-record.ts'
import { createJobs, type Jobs, type JobsOptions } from './jobs.ts'
import type { QuotaLimits } from './quota.ts'

/** No limits for anybody. */
export const noLimits: QuotaLimits = {
  platform: {},
  users: {},
  defaultUser: {},
  groups: {},
  defaultGroup: {},
}

export interface TestPlatformOptions {
  world?: Partial<MemoryWorldOptions>
  limits?: Partial<QuotaLimits>
  /** Default: a fake one, which stands still but for `until`. */
  clock?: Clock
}

/** One replica of the control plane, as far as jobs go. */
export interface TestReplica {
  store: Store
  /** What its own parts are to stand on: it dies with the replica. */
  own: Store
  jobs: Jobs
  /**
   * Dies as by kill -9: nothing it does reaches the store or the scheduler any more, calls under way are never answered, the lease stays
   * taken.
   */
  kill(): void
}

/** A database, a pretend cluster and a clock, on which replicas of the control plane come and go. */
export interface TestPlatform {
  site: TestStoreSite
  world: MemoryWorld
  /** The fake one. */
  clock: FakeClock
  /** Opens a replica and starts reconciling. */
  open(options?: Partial<JobsOptions> & { wrapStore?: (store: Store) => Store }): Promise<TestReplica>
  dispose(): Promise<void>
}

/** Makes a platform for one test. Time stands still but for `until`. */
export async function createTestPlatform(
  kind: TestStoreKind,
  { world: worldOptions, limits, ...options }: TestPlatformOptions = {},
): Promise<TestPlatform> {
  const site = await kind.createSite()
  const fakeClock = createFakeClock()
  const clock = options.clock ?? fakeClock
  const world = new MemoryWorld({ clock, programs: memoryPrograms, ...worldOptions })
  const box = createSealedBox(randomBytes(32))
  const closers: (() => Promise<void>)[] = []
  let replicas = 0
  return {
    site,
    world,
    clock: fakeClock,
    async open({ wrapStore = (store: Store) => store, ...more } = {}) {
      const opened = wrapStore(await site.open({ clock }))
      const { store, kill, isDead } = createMortalStore(opened)
      const jobs = createJobs({
        store,
        box,
        clock,
        log: createSilentLogger(),
        schedulers: { memory: createMortal(createMemoryScheduler(world), isDead) },
        defaultDriver: 'memory',
        limits: { ...noLimits, ...limits },
        isReady: async () => true,
        replica: `replica-${++replicas}`,
        ...more,
      })
      jobs.start()
      closers.unshift(async () => {
        if (!isDead()) await jobs.close()
        kill()
        await opened.close()
      })
      return { store: opened, own: store, jobs, kill }
    },
    async dispose() {
      for (const close of closers) await close()
      world.dispose()
      await site.dispose()
    },
  }
}

/** A request for a job of the conformance suite's programs, owned by nobody in the database. */
export function buildTestRequest(
  command: readonly [string, ...string[]],
  more: Partial<Omit<JobRequest, 'spec'>> & { spec?: Partial<JobRequest['spec']> } = {},
): JobRequest {
  const { spec, ...rest } = more
  return {
    kind: 'server',
    userId: null,
    subject: 'server:1',
    ...rest,
    spec: {
      owner: { name: 'alice', login: 'alice', home: '/home/alice' },
      command,
      environment: {},
      workingDirectory: '/home/alice',
      resources: {},
      tasks: 1,
      ports: [],
      labels: {},
      ...spec,
    },
  }
}

/** Requests one job in a transaction of its own. */
export function requestOne({ store, jobs }: TestReplica, request: JobRequest): Promise<Job> {
  return store.transaction((tx) => jobs.request(tx, request))
}

/** Asks jobs to stop in a transaction of its own. */
export function stopOne({ store, jobs }: TestReplica, key: JobKey): Promise<void> {
  return store.transaction((tx) => jobs.requestStop(tx, [key]))
}

/** Lets the clock run, `stepMs` at a time, until `condition` gives something truthy. */
export function until<T>(
  what: string,
  clock: FakeClock,
  condition: () => T | Promise<T>,
  stepMs = 50,
): ReturnType<typeof waitFor<T>> {
  return waitFor(
    what,
    async () => {
      const value = await condition()
      if (!value) await clock.advance(stepMs)
      return value
    },
    { everyMs: 1 },
  )
}

/** The job once it is in one of these states, while the clock runs. */
export async function untilState(
  { jobs }: TestReplica,
  clock: FakeClock,
  key: JobKey,
  ...states: Job['state'][]
): Promise<Job> {
  let last: Job | undefined
  try {
    return await until(`${key} to be ${states.join(' or ')}`, clock, async () => {
      last = await jobs.find(key)
      return last !== undefined && states.includes(last.state) ? last : undefined
    })
  } catch (error) {
    throw new Error(`${error}; last seen: ${JSON.stringify(last)}`)
  }
}

/** A store for a replica that can die. */
function createMortalStore(store: Store): { store: Store; kill: () => void; isDead: () => boolean } {
  let dead = false
  const isDead = () => dead
  const mortal = createMortal(store, isDead)
  return {
    store: {
      ...mortal,
      db: store.db,
      transaction: (work) =>
        mortal.transaction(async (tx) => {
          const value = await work(tx)
          // Dying within a transaction is never having begun it.
          if (dead) throw new Error('died')
          return value
        }),
      // Within a transaction: it has to end, or the database waits for it for ever.
      assertLease: (tx, lease) => (dead ? Promise.reject(new Error('died')) : store.assertLease(tx, lease)),
      onChange: (listener) => store.onChange((changes) => !dead && listener(changes)),
    },
    kill: () => {
      dead = true
    },
    isDead,
  }
}

/** The same object, whose calls are never answered once it is dead. */
function createMortal<T extends object>(subject: T, isDead: () => boolean): T {
  return new Proxy(subject, {
    get(target, name, receiver) {
      const value: unknown = Reflect.get(target, name, receiver)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        if (isDead()) return new Promise(() => {})
        const answer: unknown = Reflect.apply(value, target, args)
        return answer instanceof Promise ? whileAlive(answer, isDead) : answer
      }
    },
  })
}

async function whileAlive(answer: Promise<unknown>, isDead: () => boolean): Promise<unknown> {
  try {
    const value = await answer
    return isDead() ? await new Promise(() => {}) : value
  } catch (error) {
    if (isDead()) return new Promise(() => {})
    throw error
  }
}
