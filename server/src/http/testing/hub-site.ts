import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { FastifyInstance, LightMyRequestResponse } from 'fastify'

import { createMemoryEdge, type MemoryEdge } from '#edge/drivers/memory/memory-edge.ts'
import { createApp } from '#http/app.ts'
import { createHubRoutes } from '#http/hub-routes.ts'
import { applyServiceConfig } from '#hub/configured-services.ts'
import { createHub, type Hub, type HubOptions, type HubTimes } from '#hub/hub.ts'
import {
  createNotebookControls,
  createNotebookProgram,
  type NotebookControls,
} from '#hub/testing/notebook-program.ts'
import type { Identity } from '#identity/identity.ts'
import { createTestIdentity } from '#identity/testing.ts'
import { createUnixAccounts } from '#identity/unix-accounts.ts'
import type { User } from '#identity/users.ts'
import { createOwnerPreparation } from '#main/owner-preparation.ts'
import { systemActor } from '#observe/audit.ts'
import { type Clock, systemClock } from '#platform/clock.ts'
import { createSilentLogger } from '#platform/log.ts'
import { createSealedBox } from '#platform/sealed-box.ts'
import { memoryPrograms } from '#scheduler/drivers/memory/memory-programs.ts'
import { createMemoryScheduler } from '#scheduler/drivers/memory/memory-scheduler.ts'
import { MemoryWorld } from '#scheduler/drivers/memory/memory-world.ts'
import { createJobs, type Jobs } from '#scheduler/jobs.ts'
import type { QuotaLimits } from '#scheduler/quota.ts'
import { noLimits } from '#scheduler/testing.ts'
import { createHomes } from '#storage/homes.ts'
import type { Store } from '#store/store.ts'
import type { TestStoreKind } from '#store/testing.ts'

/** What a test may want differently on all replicas. */
export interface HubSiteOptions extends Partial<Pick<HubOptions, 'profiles' | 'services' | 'routeSources'>> {
  times?: Partial<HubTimes>
  servers?: Partial<HubOptions['servers']>
  limits?: Partial<QuotaLimits>
  /** Default: the machine's. */
  clock?: Clock
}

/** One replica of the control plane, with everything that servers need. */
export interface HubReplica {
  readonly app: FastifyInstance
  readonly store: Store
  readonly identity: Identity
  readonly jobs: Jobs
  readonly hub: Hub
  readonly edge: MemoryEdge
  /** As after `kill`, but its leases are let go. */
  close(): Promise<void>
}

/** A database, a pretend cluster and an edge, on which replicas come and go. Time is real. */
export interface HubSite {
  readonly world: MemoryWorld
  readonly notebooks: NotebookControls
  readonly edge: MemoryEdge
  open(): Promise<HubReplica>
  dispose(): Promise<void>
}

/** Waits are short, so that a test of what happens after them needs none. */
const testTimes: Partial<HubTimes> = { lease: 300, edge: 50, activity: 20, slow: 5000 }

/** Makes a place for one test. */
export async function createHubSite(kind: TestStoreKind, options: HubSiteOptions = {}): Promise<HubSite> {
  const storeSite = await kind.createSite()
  const homes = await mkdtemp(join(tmpdir(), 'atrium-homes-'))
  const notebooks = createNotebookControls()
  const programs = { ...memoryPrograms, notebook: createNotebookProgram(notebooks) }
  const world = new MemoryWorld({ clock: systemClock, programs, findPort: findFreePort })
  const shared = { world, homes, edge: createMemoryEdge(), box: createSealedBox(randomBytes(32)) }
  const replicas: HubReplica[] = []
  return {
    world,
    notebooks,
    edge: shared.edge,
    async open() {
      const store = await storeSite.open({ clock: options.clock ?? systemClock })
      const replica = await openReplica({ ...shared, store, name: `replica-${replicas.length}`, options })
      replicas.push(replica)
      return replica
    },
    async dispose() {
      for (const replica of replicas) await replica.close()
      world.dispose()
      await storeSite.dispose()
      await rm(homes, { recursive: true })
    },
  }
}

/** Runs `check` on a fresh site of this kind of store, with one replica. */
export async function withHubSite(
  kind: TestStoreKind,
  check: (site: HubSite, replica: HubReplica) => Promise<void>,
  options: HubSiteOptions = {},
): Promise<void> {
  const site = await createHubSite(kind, options)
  try {
    await check(site, await site.open())
  } finally {
    await site.dispose()
  }
}

interface ReplicaParts {
  store: Store
  world: MemoryWorld
  homes: string
  edge: MemoryEdge
  box: ReturnType<typeof createSealedBox>
  name: string
  options: HubSiteOptions
}

async function openReplica(parts: ReplicaParts): Promise<HubReplica> {
  const { store, world, box, edge, name, options } = parts
  const { clock = systemClock } = options
  const log = createSilentLogger()
  const identity = createTestIdentity({ store, clock })
  await applyServiceConfig({ store, clock }, options.services ?? [])
  await identity.applyConfig({ admins: [], groups: {}, roles: [] })
  const jobs: Jobs = createJobs({
    store,
    box,
    clock,
    log,
    schedulers: { memory: createMemoryScheduler(world) },
    defaultDriver: 'memory',
    limits: { ...noLimits, ...options.limits },
    isReady: (...probe) => hub.isReady(...probe),
    replica: name,
    settings: { leaseMs: 300, steadyTickMs: 200, unknownAfterMs: 100 },
  })
  const hub = createHub({ ...buildHubOptions(parts, identity), jobs })
  const routes = createHubRoutes({ hub, identity, store, jobs, clock, controlPlaneUrl: 'http://hub' })
  const app = createApp({
    routes,
    principals: identity.principals,
    xsrfKey: Buffer.alloc(32, 7),
    secure: false,
    log,
    whenChangesHold: () => hub.publisher.whenTold(),
  })
  jobs.start()
  hub.start()
  let closed: Promise<void> | undefined
  const close = async () => {
    await hub.close()
    await jobs.close()
    await app.close()
    await identity.close()
    await store.close()
  }
  return { app, store, identity, jobs, hub, edge, close: () => (closed ??= close()) }
}

function buildHubOptions(
  { store, homes, box, edge, name, options }: ReplicaParts,
  identity: Identity,
): Omit<HubOptions, 'jobs'> {
  const self = { login: 'atrium', shell: '/bin/sh' }
  const accounts = createUnixAccounts({ store, system: { find: async () => undefined }, self })
  return {
    store,
    identity,
    accounts,
    prepareOwner: createOwnerPreparation({ accounts, homes: createHomes({ root: homes }) }),
    edge,
    credentials: identity.createEdgeCredentials(),
    box,
    clock: options.clock ?? systemClock,
    log: createSilentLogger(),
    replica: name,
    servers: {
      environmentPrefix: '/env',
      hubUrl: 'http://127.0.0.1:8000',
      clientFolder: '/client',
      bindHost: '127.0.0.1',
      defaultUrl: '/lab',
      tools: {},
      command: ['notebook'],
      environment: {},
      namedServers: 2,
      startTimeoutMs: 60_000,
      stopGraceMs: 1000,
      timeWarningMs: 600_000,
      warmStart: false,
      ...options.servers,
    },
    profiles: options.profiles ?? {
      profiles: [],
      idle: { stop: true, afterMs: 3_600_000, warningMs: 300_000, cpuCores: 0.1 },
    },
    services: options.services ?? [],
    routeSources: options.routeSources ?? [],
    serviceJobs: {
      hubUrl: 'http://127.0.0.1:8000',
      environmentPrefix: '/env',
      owner: { name: 'atrium', login: 'atrium', home: homes },
      stopGraceMs: 1000,
    },
    times: { ...testTimes, ...options.times },
  }
}

/** Somebody who asks a replica by token. */
export interface HubClient {
  readonly user: User
  readonly token: string
  request(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    url: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<LightMyRequestResponse>
}

/** Makes a user with a token that may do all that the user may, or only what `scopes` say. */
export async function createClient(
  replica: HubReplica,
  name: string,
  { admin = false, scopes = ['inherit'] }: { admin?: boolean; scopes?: readonly string[] } = {},
): Promise<HubClient> {
  await replica.identity.users.create([{ name, admin }], systemActor)
  const user = await replica.identity.users.get(name)
  return openClient(replica, user, scopes)
}

/** Another client of a user, at this replica. */
export async function openClient(
  { app, identity }: HubReplica,
  user: User,
  scopes: readonly string[] = ['inherit'],
): Promise<HubClient> {
  const owner = { kind: 'user', id: user.id, name: user.name } as const
  const { secret } = await identity.tokens.create({ owner, scopes, note: 'test' }, systemActor)
  return {
    user,
    token: secret,
    request: (method, url, body, headers = {}) =>
      app.inject({
        method,
        url,
        headers: { authorization: `token ${secret}`, ...headers },
        ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
      }),
  }
}

function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
