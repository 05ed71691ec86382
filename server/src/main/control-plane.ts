import { chmod } from 'node:fs/promises'
import { join } from 'node:path'

import { parseDurationMs } from '#config/units.ts'
import { createClusterRoutes } from '#dask/cluster-routes.ts'
import type { WatchedEdge } from '#edge/drivers/builtin/builtin-edge.ts'
import { createAllRoutes } from '#http/all-routes.ts'
import { createApp } from '#http/app.ts'
import { openPortalBuild } from '#http/portal/portal-build.ts'
import type { ShutdownRequest } from '#http/routes/hub/shutdown.ts'
import { applyServiceConfig } from '#hub/configured-services.ts'
import { createHub, type Hub } from '#hub/hub.ts'
import { createIdentity, type Identity } from '#identity/identity.ts'
import { createOauthProvider } from '#oauth/oauth.ts'
import { createRuns, type Runs } from '#parallel/runs.ts'
import { type Clock, systemClock } from '#platform/clock.ts'
import { findInstallationRoot } from '#platform/installation.ts'
import type { Logger } from '#platform/log.ts'
import { createSealedBox, type SealedBox } from '#platform/sealed-box.ts'
import { deriveSharedKey } from '#platform/shared-key-tls.ts'
import { createJobs, type Jobs } from '#scheduler/jobs.ts'
import { createKillAt, findCrashPoint } from '#scheduler/reconcile/crash-points.ts'
import type { Store } from '#store/store.ts'
import { buildApiRoutesOptions } from './api-routes.ts'
import { buildProfilesConfig, buildQuotaLimits, buildUsagePrices } from './config-slices.ts'
import { createPlatformDask, type PlatformDask } from './dask.ts'
import { ensureKey } from './data-folder.ts'
import { type EdgeDoor, type EdgeDoorOptions, openEdgeDoor } from './edge-door.ts'
import { readEdgeKey } from './edge-key.ts'
import { createHomeSpaces, readSize } from './home-spaces.ts'
import { buildServerSettings, buildServiceJobSettings, readServices } from './hub-settings.ts'
import { type JobDrivers, openJobDrivers } from './job-drivers.ts'
import { createJobWishes, createRunRight, type JobWishes } from './job-wishes.ts'
import { ensureLocalToken } from './local-administrator.ts'
import { openStore } from './open-store.ts'
import { createOwnerPreparation } from './owner-preparation.ts'
import { createPamCheck } from './pam.ts'
import { openProbes, type Probes } from './probes.ts'
import { type Replica, startReplica } from './replica.ts'
import { buildRunSettings } from './run-settings.ts'
import { startEdge } from './start-edge.ts'
import type { StartOptions } from './start-options.ts'
import { version } from './version.ts'

const oauthTokenMs = 14 * 86_400_000

/** A running control plane. */
export interface ControlPlane {
  readonly identity: Identity
  readonly jobs: Jobs
  readonly runs: Runs
  readonly hub: Hub
  readonly edge: WatchedEdge
  readonly store: Store
  readonly drivers: JobDrivers
  /** Lets requests in flight end; the edge and all jobs go on. */
  close(): Promise<void>
}

export interface ControlPlaneOptions {
  start: StartOptions
  /** Unix socket to listen on. */
  socketPath: string
  /** Runs the node agent. */
  python: string
  /** Unique among the replicas; a constant where there is only one. */
  replica: string
  environment: NodeJS.ProcessEnv
  log: Logger
  /** Ends this process, as asked for by API. */
  shutDown(request: ShutdownRequest): void
}

/** Wires everything and starts to serve. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { start, log, socketPath } = options
  const clock = systemClock
  const probes = start.listen === undefined ? undefined : await openProbes(start)
  let hub: Hub | undefined
  const [edge, store] = await Promise.all([
    startEdge(start, {
      fence: () => hub?.publisher.fence() ?? 0,
      leads: () => hub?.publisher.leads() ?? false,
      log,
    }),
    openStore(start.config, start.data, { clock, log }),
  ])
  const box = createSealedBox(await ensureKey(start.data, 'sealing.key'))
  const { publicUrl } = edge
  const drivers = await openJobDrivers({ ...options, ...{ publicUrl, store, box, clock } })
  const parts = await wire(options, { clock, edge, store, box, drivers })
  hub = parts.hub
  await parts.app.listen({ path: socketPath })
  await chmod(socketPath, 0o600)
  const door = await openDoor(start, (request, response) => parts.app.routing(request, response))
  // The edge sends requests here from now on.
  const replica = await startReplica({
    store,
    clock,
    log,
    id: options.replica,
    address: door?.address ?? `unix:${socketPath}`,
    version,
  })
  parts.jobs.start()
  parts.hub.start()
  parts.runs.start()
  parts.dask.clusters.start()
  parts.identity.start()
  void drivers.preload()
  probes?.say('ready')
  return {
    ...parts,
    edge,
    store,
    drivers,
    close: () => close({ ...parts, edge, store, drivers, replica, door, probes }),
  }
}

/** For edges of other machines, if there are any. */
async function openDoor({ data, listen }: StartOptions, onRequest: EdgeDoorOptions['onRequest']) {
  if (listen === undefined) return undefined
  const key = deriveSharedKey(await readEdgeKey(data), 'requests to control planes')
  return openEdgeDoor({ listen, key, onRequest })
}

interface Ports {
  clock: Clock
  edge: WatchedEdge
  store: Store
  box: SealedBox
  drivers: JobDrivers
}

async function wire(options: ControlPlaneOptions, ports: Ports) {
  const { start, log, replica } = options
  const { config, data, platformPrefix } = start
  const { clock, edge, store, box, drivers } = ports
  const identity = createIdentity({
    ...{ store, clock, log, sealedBox: box },
    sessionMs: parseDurationMs(config.signIn.session),
    linkMs: parseDurationMs(config.signIn.invitation),
    checkPam: findPamCheck(options),
  })
  const services = await readServices(config, await ensureLocalToken(data))
  await applyServiceConfig({ store, clock }, services)
  await identity.applyConfig(config)

  // Features need jobs, and jobs ask features whether a job of theirs is ready.
  let hub: Hub | undefined
  let dask: PlatformDask | undefined
  const jobs = createJobs({
    store,
    box,
    clock,
    log,
    schedulers: drivers.schedulers,
    defaultDriver: drivers.defaultDriver,
    limits: buildQuotaLimits(config),
    isReady: async (job, ...probe) => {
      const feature = job.kind === 'dask-scheduler' ? dask?.clusters : hub
      return (await feature?.isReady(job, ...probe)) ?? false
    },
    replica,
    ...findCrashHook(options.environment),
  })
  const prepareOwner = createOwnerPreparation({ ...drivers, readHomeSize: ({ id }) => readSize(store, id) })
  hub = createHub({
    store,
    jobs,
    identity,
    accounts: drivers.accounts,
    prepareOwner,
    routeSources: [createClusterRoutes({ store, jobs })],
    edge,
    credentials: identity.createEdgeCredentials(),
    box,
    clock,
    log,
    replica,
    servers: buildServerSettings(config, { ...drivers.servers, edge }),
    profiles: buildProfilesConfig(config),
    services,
    serviceJobs: buildServiceJobSettings(config, {
      ...drivers.services,
      environmentPrefix: platformPrefix,
      data,
    }),
  })
  const wishes = createJobWishes({ store, jobs, hub })
  const runs = createRuns({
    ...{ store, jobs, clock, box, log, replica, prepareOwner, users: identity.users },
    ...wishes,
    mayRun: createRunRight(identity),
    settings: buildRunSettings(drivers.servers),
  })
  dask = createPlatformDask({
    ...{ store, jobs, box, clock, log, replica, prepareOwner },
    ...{ config, drivers, identity, hub },
    ...wishes,
  })
  const app = await buildApp(options, ports, { identity, jobs, runs, hub, dask, wishes })
  return { identity, jobs, runs, hub, dask, app }
}

async function buildApp(
  options: ControlPlaneOptions,
  ports: Ports,
  parts: {
    identity: Identity
    jobs: Jobs
    runs: Runs
    hub: Hub
    dask: PlatformDask
    wishes: JobWishes
  },
) {
  const { start, log, socketPath } = options
  const { config, data } = start
  const { identity, jobs, runs, hub, dask, wishes } = parts
  const { clock, store, edge } = ports
  const secure = edge.publicUrl.startsWith('https:')
  const trustedClients = new Set(
    config.services
      .filter((service) => service.oauthNoConfirm)
      .map(({ name, oauthClientId }) => oauthClientId ?? `service-${name}`),
  )
  const { routes, renderErrorPage, findRedirect } = createAllRoutes({
    ...buildApiRoutesOptions({
      ...{ identity, jobs, runs, hub, ...wishes },
      homes: createHomeSpaces({ store, clock, storage: ports.drivers.homeStorage }),
      edge,
      store,
      clock,
      controlPlaneUrl: `unix:${socketPath}`,
      publicUrl: edge.publicUrl,
      driver: ports.drivers.defaultDriver,
      prices: buildUsagePrices(config),
      signIn: findPamCheck(options) === undefined ? 'local' : 'pam',
      shutDown: options.shutDown,
      nodeDoor: ports.drivers.nodeDoor,
      clusters: dask.clusters,
      dask: dask.options === undefined ? undefined : { ...dask, options: dask.options },
    }),
    browser: {
      identity,
      oauth: createOauthProvider({
        store,
        identity,
        clock,
        log,
        trustedClients,
        requirePkce: false,
        tokenLifetimeMs: oauthTokenMs,
      }),
      hub,
      build: await openPortalBuild(join(findInstallationRoot(), 'web', 'dist')),
      clock,
      version,
      platformName: 'Atrium',
      signIn: { password: true, providers: [] },
      secure,
      landing: config.signIn.landing,
      sessionMs: parseDurationMs(config.signIn.session),
      ...(config.edge.publicUrl === undefined ? {} : { publicUrl: config.edge.publicUrl }),
    },
  })
  return createApp({
    routes,
    principals: identity.principals,
    xsrfKey: await ensureKey(data, 'xsrf.key'),
    secure,
    log,
    renderErrorPage,
    findRedirect,
    whenChangesHold: () => hub.publisher.whenTold(),
  })
}

function findPamCheck({ start, python }: ControlPlaneOptions) {
  const { pam, pamService } = start.config.signIn
  const wanted = pam === 'on' || (pam === 'auto' && process.getuid?.() === 0)
  return wanted ? createPamCheck({ python, service: pamService }) : undefined
}

/** Fault tests name a point at which this process kills itself. */
function findCrashHook(environment: NodeJS.ProcessEnv) {
  const point = findCrashPoint(environment['ATRIUM_TEST_CRASH_POINT'] ?? '')
  return point === undefined ? {} : { reach: createKillAt(point) }
}

async function close(parts: {
  app: { close(): Promise<unknown> }
  hub: Hub
  runs: Runs
  dask: PlatformDask
  jobs: Jobs
  identity: Identity
  replica: Replica
  drivers: JobDrivers
  edge: WatchedEdge
  store: Store
  door: EdgeDoor | undefined
  probes: Probes | undefined
}): Promise<void> {
  parts.probes?.say('leaving')
  await parts.replica.leave(() => parts.hub.publisher.announceLeaving())
  await Promise.all([parts.app.close(), parts.door?.close()])
  await parts.dask.clusters.close()
  await parts.hub.close()
  await parts.runs.close()
  await parts.jobs.close()
  await parts.identity.close()
  await parts.drivers.close()
  await parts.edge.close()
  await parts.store.close()
  parts.probes?.close()
}
