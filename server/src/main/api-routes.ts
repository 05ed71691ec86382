import { PlatformError } from '@atrium/contract/errors.ts'
import type { Dask } from '#dask/dask.ts'
import type { WatchedEdge } from '#edge/drivers/builtin/builtin-edge.ts'
import type { AllRoutesOptions } from '#http/all-routes.ts'
import type { DaskRoutesOptions } from '#http/dask-routes.ts'
import type { ShutdownRequest } from '#http/routes/hub/shutdown.ts'
import type { Hub } from '#hub/hub.ts'
import type { Identity } from '#identity/identity.ts'
import type { User } from '#identity/users.ts'
import { systemActor } from '#observe/audit.ts'
import { readProcessSamples, renderSamples } from '#observe/metrics.ts'
import { readPlatformCounts } from '#observe/platform-counts.ts'
import type { Runs } from '#parallel/runs.ts'
import type { Clock } from '#platform/clock.ts'
import type { JobEnvironment } from '#scheduler/job-environment.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import type { NodeDoor } from '#scheduler/node-door.ts'
import type { UsagePrices } from '#scheduler/usage/usage-report.ts'
import type { HomeSpaces } from '#storage/home-space.ts'
import type { Store } from '#store/store.ts'
import { readEdgeSamples } from './edge-samples.ts'
import { localAdministrator } from './local-administrator.ts'
import { readUsageSamples } from './usage-samples.ts'
import { version } from './version.ts'

/** What the routes of both REST APIs stand on. */
export interface ApiRoutesOptions {
  identity: Identity
  jobs: Jobs
  runs: Runs
  homes: HomeSpaces
  /** Prefix of the environment that a server runs in now. */
  findServerEnvironment(serverId: number): Promise<JobEnvironment | undefined>
  hub: Hub
  edge: Pick<WatchedEdge, 'status'>
  store: Store
  clock: Clock
  /** Where the control plane listens, as the edge sees it. */
  controlPlaneUrl: string
  /** Where browsers reach the platform. */
  publicUrl: string
  driver: string
  /** Absent: use has no cost. */
  prices: UsagePrices | undefined
  /** `pam` or `local`. */
  signIn: string
  shutDown(request: ShutdownRequest): void
  /** Where jobs on nodes fetch themselves; undefined where they run on this machine. */
  nodeDoor: NodeDoor | undefined
  clusters: Pick<Dask, 'stopAll'>
  /** Undefined: the platform has no Dask clusters. */
  dask: DaskRoutesOptions['dask']
}

/** What every route but the browser's stands on. */
export function buildApiRoutesOptions(options: ApiRoutesOptions): Omit<AllRoutesOptions, 'browser'> {
  const { identity, hub, runs, clusters, driver, signIn } = options
  return {
    hub: options,
    identity: {
      identity,
      models: hub.models,
      async stopServers(user) {
        await runs.cancelAll(user, systemActor)
        await clusters.stopAll(user, systemActor)
        await stopServers(hub, user)
      },
      info: { version, signIn, driver },
    },
    operations: {
      ...options,
      version,
      startedAtMs: options.clock.now(),
      leaseName: 'job-reconciler',
    },
    database: { ...options, localAdministrator },
    shutdown: options,
    metrics: { renderMetrics: () => renderMetrics(options) },
    nodeJobs: options,
    dask: options,
    version,
  }
}

/** Under JupyterHub's names where it has them, for the dashboards that know them. */
async function renderMetrics({ store, edge }: ApiRoutesOptions): Promise<string> {
  const [counts, edgeSamples, usageSamples] = await Promise.all([
    readPlatformCounts(store.db),
    readEdgeSamples(edge),
    readUsageSamples(store.db),
  ])
  const gauge = { type: 'gauge' } as const
  return renderSamples([
    ...readProcessSamples(),
    { ...gauge, name: 'jupyterhub_total_users', help: 'Users there are.', value: counts.users },
    { ...gauge, name: 'jupyterhub_running_servers', help: 'Servers that run.', value: counts.runningServers },
    { ...gauge, name: 'atrium_active_jobs', help: 'Jobs that have not ended.', value: counts.activeJobs },
    {
      ...gauge,
      name: 'atrium_waiting_jobs',
      help: 'Jobs that wait for their turn.',
      value: counts.waitingJobs,
    },
    ...edgeSamples,
    ...usageSamples,
  ])
}

async function stopServers(hub: Hub, user: User): Promise<void> {
  const outcome = await hub.stopper.stopAll(user, { name: 'system' })
  if (outcome === 'stopping') {
    throw new PlatformError('bad_request', {
      message: `${user.name}'s servers are still stopping, please wait and try again.`,
    })
  }
}
