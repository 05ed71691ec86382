import { randomBytes } from 'node:crypto'

import type { User } from '#identity/users.ts'
import type { FakeClock } from '#platform/fake-clock.ts'
import { createSilentLogger } from '#platform/log.ts'
import { createSealedBox } from '#platform/sealed-box.ts'
import { memoryPrograms } from '#scheduler/drivers/memory/memory-programs.ts'
import type { MemoryProgram } from '#scheduler/drivers/memory/memory-run.ts'
import {
  createTestPlatform,
  type TestPlatform,
  type TestPlatformOptions,
  type TestReplica,
  until,
} from '#scheduler/testing.ts'
import type { TestStoreKind } from '#store/testing.ts'

import type { DaskSettings } from './cluster-jobs.ts'
import type { Cluster, ClusterSettings, ClusterState } from './clusters.ts'
import { createDask, type Dask } from './dask.ts'
import type { SchedulerWish } from './scheduler-comm.ts'
import { createPretendSchedulers } from './testing/pretend-schedulers.ts'

/** A control plane with Dask clusters. */
export interface DaskReplica extends TestReplica {
  dask: Dask
}

export interface DaskSite {
  platform: TestPlatform
  clock: FakeClock
  open(settings?: Partial<DaskSettings>): Promise<DaskReplica>
  createUser(replica: TestReplica, name: string): Promise<{ id: number; name: string }>
  create(
    replica: DaskReplica,
    user: { id: number; name: string },
    settings?: Partial<ClusterSettings>,
  ): Promise<string>
  untilState(replica: DaskReplica, name: string, ...states: ClusterState[]): Promise<Cluster>
  /** What the cluster's scheduler was told so far. */
  wishes(replica: DaskReplica, name: string): Promise<readonly SchedulerWish[]>
  /**
   * The scheduler says who is there, and closes those it has too many of; `count`: it wants so many from now on. Processes of workers that
   * run are connected.
   */
  beat(replica: DaskReplica, name: string, count?: number): Promise<void>
  /** Beats until as many workers are connected. */
  untilConnected(replica: DaskReplica, name: string, count: number): Promise<Cluster>
  /** Names of workers whose process runs. */
  running(): readonly string[]
}

/** The interpreter of the tests' environment: a worker or a scheduler, which both run until they are told to end. */
const python = '/env/bin/python'

/** A platform for one test of clusters, whose schedulers are played by `beat`. */
export async function createDaskSite(
  kind: TestStoreKind,
  { world, ...options }: TestPlatformOptions & { program?: MemoryProgram } = {},
): Promise<DaskSite> {
  const programs = { ...memoryPrograms, [python]: options.program ?? memoryPrograms.wait }
  const platform = await createTestPlatform(kind, { ...options, world: { ...world, programs } })
  const { clock } = platform
  const box = createSealedBox(randomBytes(32))
  const schedulers = createPretendSchedulers(platform)
  let replicas = 0
  return {
    platform,
    clock,
    ...schedulers,
    async open(settings = {}) {
      const replica = await platform.open({ isReady: async () => true })
      const dask = createDask({
        store: replica.own,
        jobs: replica.jobs,
        ...{ box, clock, log: createSilentLogger(), replica: `replica-${++replicas}` },
        prepareOwner: async ({ name }) => ({
          owner: { name, login: name, home: `/home/${name}` },
          shell: '/bin/sh',
        }),
        ensureRoutesLive: async () => {},
        tell: schedulers.tell,
        settings: { ...testSettings, ...settings },
      })
      dask.start()
      return { ...replica, dask }
    },
    createUser,
    create: (replica, user, settings = {}) =>
      replica.dask.create({
        owner: { ...testUser, ...user },
        actor: { name: `user:${user.name}` },
        options: { worker_cores: 1 },
        settings: { ...testClusterSettings, ...settings },
        serverId: null,
      }),
    untilState: (replica, name, ...states) =>
      until(`${name} to be ${states.join(' or ')}`, clock, async () => {
        const cluster = await replica.dask.find(name)
        return cluster !== undefined && states.includes(cluster.state) ? cluster : undefined
      }),
    untilConnected: (replica, name, count) =>
      until(`${count} workers of ${name}`, clock, async () => {
        await schedulers.beat(replica, name)
        const cluster = await replica.dask.find(name)
        return cluster?.workers.running === count ? cluster : undefined
      }),
  }
}

async function createUser({ store }: TestReplica, name: string): Promise<{ id: number; name: string }> {
  const query = store.db.insertInto('users').values({ ...newUser, name })
  const { id } = await query.returning('id').executeTakeFirstOrThrow()
  return { id, name }
}

const gib = 2 ** 30

const testSettings: DaskSettings = {
  enabled: true,
  hubUrl: 'http://127.0.0.1:8000',
  clientFolder: '/client',
  bindHost: '127.0.0.1',
  warmStart: false,
  startTimeoutMs: 60_000,
  stopGraceMs: 1000,
  maximumWorkers: 1000,
}

const testClusterSettings: ClusterSettings = {
  environmentPrefix: '/env',
  worker: { cpu: 1, threads: 1, memoryBytes: gib, gpu: 0, preemptible: false },
  scheduler: { cpu: 1, memoryBytes: gib },
  environment: {},
  idleTimeoutMs: 0,
  clientTimeoutMs: 0,
}

const testUser: Omit<User, 'id' | 'name'> = {
  admin: false,
  createdAtMs: 0,
  lastActivityAtMs: null,
  hasPassword: false,
  login: null,
  uid: null,
  gid: null,
}

const newUser = {
  created_at: 0,
  last_activity: null,
  password_hash: null,
  locked_until: null,
  login: null,
  uid: null,
  gid: null,
  auth_state: null,
}
