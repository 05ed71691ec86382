import { randomBytes } from 'node:crypto'

import { PlatformError } from '@atrium/contract/errors.ts'
import type { FastifyInstance } from 'fastify'

import type { AdaptBounds, Cluster, Clusters, HeartbeatReport } from '#dask/clusters.ts'
import { createClusterOptions } from '#dask/options/cluster-options.ts'
import { optionNames } from '#dask/options/option-fields.ts'
import { createApp } from '#http/app.ts'
import { createDaskRoutes } from '#http/dask-routes.ts'
import { createTestIdentity } from '#identity/testing.ts'
import { systemActor } from '#observe/audit.ts'
import { createSilentLogger } from '#platform/log.ts'
import { createTestPlatform } from '#scheduler/testing.ts'
import type { TestStoreKind } from '#store/testing.ts'
import { checkAnswer } from './check-answer.ts'

const gib = 1024 ** 3

/** Clusters that are nothing but records: what was asked of them is what they are. */
export class RecordedClusters implements Clusters {
  readonly all = new Map<string, Cluster>()
  readonly heartbeats: HeartbeatReport[] = []
  readonly stops: { name: string; actor: string; reason: string; message?: string }[] = []
  readonly adapted: AdaptBounds[] = []
  limit = 10
  /** Clusters never start by themselves. */
  isSlow = false
  /** Who waits for a start. */
  waiting = 0

  async create({ owner, options, settings, serverId }: Parameters<Clusters['create']>[0]): Promise<string> {
    const name = randomBytes(16).toString('hex')
    const id = this.all.size + 1
    this.all.set(name, {
      id,
      name,
      userId: owner.id,
      user: owner.name,
      serverId,
      state: 'pending',
      options,
      settings,
      schedulerJob: `c${id}`,
      workers: { wanted: 0, running: 0, waiting: 0, limit: this.limit },
      createdAtMs: 1_000_000,
    })
    return name
  }
  async find(name: string): Promise<Cluster | undefined> {
    return this.all.get(name)
  }
  async list({ userId, states }: Parameters<Clusters['list']>[0]): Promise<readonly Cluster[]> {
    return [...this.all.values()]
      .filter((one) => userId === undefined || one.userId === userId)
      .filter((one) => states?.includes(one.state) ?? true)
      .toReversed()
  }
  async waitForStart(
    name: string,
    { signal }: Parameters<Clusters['waitForStart']>[1],
  ): Promise<Cluster | undefined> {
    if (this.isSlow) {
      this.waiting += 1
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      return this.all.get(name)
    }
    this.set(name, { state: 'running' })
    return this.all.get(name)
  }
  async stop(name: string, { actor, reason, message }: Parameters<Clusters['stop']>[1]): Promise<void> {
    this.stops.push({ name, actor: actor.name, reason, ...(message === undefined ? {} : { message }) })
    this.set(name, { state: 'stopped', stoppedAtMs: 2_000_000 })
  }
  async stopAll(): Promise<void> {}
  async scale(name: string, workers: number) {
    const { state } = this.#get(name)
    if (state !== 'running')
      throw new PlatformError('conflict', { message: `cluster ${name} is not running` })
    const wanted = Math.min(workers, this.limit)
    this.set(name, { workers: { ...this.#get(name).workers, wanted } })
    return wanted === workers ? { workers } : { workers: wanted, message: `Scaling to ${wanted} instead.` }
  }
  async adapt(_name: string, bounds: AdaptBounds) {
    this.adapted.push(bounds)
    return {}
  }
  async verifyToken(name: string, token: string): Promise<boolean> {
    return this.all.has(name) && token === `secret of ${name}`.replaceAll(' ', '-')
  }
  async heartbeat(_name: string, report: HeartbeatReport): Promise<void> {
    this.heartbeats.push(report)
  }
  async readCredentials(): Promise<{ certificate: string; key: string }> {
    return { certificate: 'CERT', key: 'KEY' }
  }
  async workers(name: string) {
    return [{ name: `${name}-w1`, job: 'w1', state: 'running' as const, node: 'n1' }]
  }
  set(name: string, change: Partial<Cluster>): void {
    this.all.set(name, { ...this.#get(name), ...change })
  }
  #get(name: string): Cluster {
    const cluster = this.all.get(name)
    if (cluster === undefined) throw new PlatformError('not_found')
    return cluster
  }
}

/** A platform with both protocols of clusters. */
export interface DaskSite {
  app: FastifyInstance
  clusters: RecordedClusters
  /** A token of a user with these scopes. */
  makeToken(user: string, scopes?: readonly string[]): Promise<string>
  /** A cluster of a user, made through the door. */
  makeCluster(user: string): Promise<string>
}

/** `ada` is administrator, `alice` and `bob` are users. */
export async function withDaskSite(
  kind: TestStoreKind,
  check: (site: DaskSite) => Promise<void>,
): Promise<void> {
  const platform = await createTestPlatform(kind)
  const { store, jobs } = await platform.open()
  const { clock } = platform
  const identity = createTestIdentity({ store, clock })
  const clusters = new RecordedClusters()
  const profile = { name: 'default', title: 'Default', resources: {}, preemptible: false }
  const options = createClusterOptions({
    config: {
      shown: optionNames,
      defaults: {
        worker: { cores: 1, memoryBytes: 2 * gib, gpus: 0, preemptible: false },
        scheduler: { cores: 1, memoryBytes: gib },
        idleTimeoutMs: 1_800_000,
        clientTimeoutMs: 0,
        environment: {},
      },
      bounds: { maximum: {}, groups: {}, users: {} },
    },
    users: identity.users,
    listProfiles: async () => [profile],
    chooseProfile: async () => profile,
    findServerEnvironment: async () => undefined,
    environmentPrefix: '/envs/platform',
    findAbilities: async () => ({ gpu: false, preemptible: false }),
  })
  const app = createApp({
    routes: createDaskRoutes({
      dask: { clusters, options },
      identity,
      jobs,
      store,
      clock,
      prices: { currency: 'EUR', coreHour: 1, partitions: {} },
    }),
    principals: identity.principals,
    xsrfKey: Buffer.alloc(32, 7),
    secure: false,
    log: createSilentLogger(),
    checkAnswer,
  })
  try {
    await identity.applyConfig({ admins: ['ada'], groups: {}, roles: [] })
    await identity.users.create([{ name: 'alice' }, { name: 'bob' }], systemActor)
    await check({
      app,
      clusters,
      async makeToken(name, scopes = ['inherit']) {
        const { id } = await identity.users.get(name)
        const owner = { kind: 'user' as const, id, name }
        return (await identity.tokens.create({ owner, scopes, note: '' }, systemActor)).secret
      },
      async makeCluster(name) {
        const owner = await identity.users.get(name)
        const parsed = await options.parse(owner, {}, { serverId: null })
        return clusters.create({ owner, actor: systemActor, ...parsed, serverId: null })
      },
    })
  } finally {
    await app.close()
    await identity.close()
    await platform.dispose()
  }
}
