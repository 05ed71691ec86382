import { buildClientEnvironment, extendEnvironment } from '#scheduler/client-environment.ts'
import type { JobKey, JobOwner, JobResources, JobSpec, QueueOptions } from '#scheduler/job.ts'
import type { PreparedOwner } from '#scheduler/job-profile.ts'
import type { JobRequest } from '#scheduler/job-record.ts'
import { buildLoginEnvironment, findProgram } from '#scheduler/login-environment.ts'
import type { PodPlace } from '#scheduler/pod-options.ts'

import { buildDashboardPrefix, gatewayPath } from './cluster-paths.ts'
import { buildClusterSubject } from './cluster-records.ts'
import type { ClusterSecrets } from './cluster-secrets.ts'
import type { ClusterSettings } from './clusters.ts'

/** How clusters are run on this platform, from configuration. */
export interface DaskSettings {
  /** False: clusters that are there are stopped. */
  enabled: boolean
  /** Where jobs reach the edge, without a path. */
  hubUrl: string
  /** Folder with the package `atrium_client`, on every node. */
  clientFolder: string
  /** Address that schedulers listen on: loopback where jobs run on this machine. */
  bindHost: string
  warmStart: boolean
  startTimeoutMs: number
  stopGraceMs: number
  /** Workers of a cluster where neither its settings nor a quota says how many. */
  maximumWorkers: number
}

/** What a scheduler's command calls. Workers come from the same preloaded interpreter. */
export const schedulerEntry = 'atrium_client.dask_scheduler:main'

/** Ports of a scheduler's job. */
export const schedulerPorts = { scheduler: 'scheduler', dashboard: 'dashboard', api: 'api' } as const

interface ClusterJob {
  id: number
  name: string
  userId: number
  settings: ClusterSettings
  secrets: ClusterSecrets
}

/** The job of a cluster's scheduler: distributed's own, with Dask Gateway's preload and ours. */
export function buildSchedulerJob(
  dask: DaskSettings,
  cluster: ClusterJob & { job: JobKey; owner: PreparedOwner },
): JobRequest {
  const { name, settings, owner } = cluster
  const { cpu, memoryBytes } = settings.scheduler
  const prefix = buildDashboardPrefix(name)
  return {
    kind: 'dask-scheduler',
    key: cluster.job,
    userId: cluster.userId,
    subject: buildClusterSubject(cluster.id),
    secrets: { DASK_GATEWAY_API_TOKEN: cluster.secrets.token, ...buildTlsEnvironment(cluster.secrets) },
    spec: {
      ...buildSpec(cluster, owner.owner, findSchedulerQueue(settings)),
      ...findSchedulerPlace(settings),
      command: buildSchedulerCommand(dask, name, settings),
      environment: buildEnvironment(dask, cluster, owner),
      resources: { cpu, memoryBytes },
      ports: Object.values(schedulerPorts),
      ...buildWarmEntry(dask, settings, schedulerEntry),
    },
    policy: {
      ready: { port: schedulerPorts.dashboard, path: `${prefix}health` },
      readyTimeoutMs: dask.startTimeoutMs,
      graceMs: dask.stopGraceMs,
    },
  }
}

/** distributed's own, by an entry that takes nothing of the home for a package. Options of `dask_gateway.scheduler_preload` follow those of the scheduler itself. */
function buildSchedulerCommand(
  { bindHost }: DaskSettings,
  name: string,
  { environmentPrefix, idleTimeoutMs }: ClusterSettings,
): JobSpec['command'] {
  return [
    findPython(environmentPrefix),
    ...['-m', 'atrium_client.dask_scheduler'],
    ...['--protocol', 'tls', '--host', bindHost, '--port', '{port:scheduler}'],
    ...['--dashboard-address', `${bindHost}:{port:dashboard}`],
    ...['--dashboard-prefix', buildDashboardPrefix(name).slice(0, -1)],
    ...['--preload', 'dask_gateway.scheduler_preload', '--preload', 'atrium_client.dask_scheduler'],
    ...['--dg-api-address', `${bindHost}:{port:api}`],
    ...['--dg-heartbeat-period', String(heartbeatSeconds)],
    ...['--dg-adaptive-period', String(adaptSeconds)],
    ...['--dg-idle-timeout', String(idleTimeoutMs / 1000)],
  ]
}

/** Every image with a Python has it under this name. */
function findPython(prefix: string | undefined): string {
  return findProgram(prefix, prefix === undefined ? 'python3' : 'python')
}

/** Between two words of a scheduler to which nothing happens. */
const heartbeatSeconds = 5
/** How often adapting looks whether more workers are needed. */
const adaptSeconds = 1

/** One worker; `scheduler` is the job of its scheduler, as it runs. */
export function buildWorkerJob(
  dask: DaskSettings,
  cluster: ClusterJob & { job: JobKey; scheduler: { spec: JobSpec; address: string } },
): JobRequest {
  const { settings, scheduler, job } = cluster
  const { cpu, memoryBytes, gpu, threads, preemptible } = settings.worker
  const resources: JobResources = { cpu, memoryBytes, ...(gpu > 0 ? { gpu } : {}) }
  return {
    kind: 'dask-worker',
    key: job,
    userId: cluster.userId,
    subject: buildClusterSubject(cluster.id),
    secrets: buildTlsEnvironment(cluster.secrets),
    spec: {
      ...buildSpec(cluster, scheduler.spec.owner, settings.queue),
      ...settings.place,
      command: [
        findPython(settings.environmentPrefix),
        ...['-m', 'atrium_client.dask_worker', '--scheduler', scheduler.address, '--name', job],
        ...['--nthreads', String(threads), '--memory-limit', String(memoryBytes), '--gpu', String(gpu)],
      ],
      environment: scheduler.spec.environment,
      resources,
      ports: [],
      ...(preemptible ? { preemptible } : {}),
      ...buildWarmEntry(dask, settings, 'atrium_client.dask_worker:main'),
    },
    policy: { graceMs: dask.stopGraceMs },
  }
}

/**
 * What distributed's nanny, which these workers do without, would set before the process starts (`distributed.nanny.pre-spawn-environ`): a
 * worker's threads are what is parallel, not those of numpy below each. Schedulers have the same, so that one preloaded interpreter serves both.
 */
const numericEnvironment = {
  OMP_NUM_THREADS: '1',
  MKL_NUM_THREADS: '1',
  OPENBLAS_NUM_THREADS: '1',
  MALLOC_TRIM_THRESHOLD_: '65536',
}

function buildSpec({ id, settings }: ClusterJob, owner: JobOwner, queue: QueueOptions | undefined) {
  const { timeLimitMs } = settings
  return {
    owner,
    workingDirectory: owner.home,
    tasks: 1,
    ...(queue === undefined ? {} : { queue }),
    ...(timeLimitMs === undefined ? {} : { timeLimitMs }),
    labels: { cluster: String(id) },
  }
}

/**
 * A scheduler has no use for devices. Where its workers may have to give way it stays where jobs go that say nothing: it would take the
 * cluster with it.
 */
function findSchedulerQueue({ queue, worker }: ClusterSettings): QueueOptions | undefined {
  if (queue === undefined) return undefined
  const { gpuType: _, gres: __, partition, qos, ...rest } = queue
  return {
    ...rest,
    ...(worker.preemptible || partition === undefined ? {} : { partition }),
    ...(worker.preemptible || qos === undefined ? {} : { qos }),
  }
}

/** The same of pods: its image and what it sees are those of its workers, since they run the same Python; their devices and nodes may be none for it. */
function findSchedulerPlace({ place, worker }: ClusterSettings): PodPlace {
  if (place === undefined || (worker.gpu === 0 && !worker.preemptible)) return { ...place }
  const { volumes, readOnlyRoot } = place.pod ?? {}
  return {
    ...(place.image === undefined ? {} : { image: place.image }),
    pod: {
      ...(volumes === undefined ? {} : { volumes }),
      ...(readOnlyRoot === undefined ? {} : { readOnlyRoot }),
    },
  }
}

function buildEnvironment(
  { clientFolder, hubUrl }: DaskSettings,
  { name, settings }: ClusterJob,
  { owner, shell }: PreparedOwner,
): Record<string, string> {
  const { home, login } = owner
  const own = {
    ...buildLoginEnvironment({ prefix: settings.environmentPrefix, home, login, shell }),
    ...buildClientEnvironment({ clientFolder, apiUrl: hubUrl }),
  }
  return {
    ...numericEnvironment,
    ...extendEnvironment(own, settings.environment),
    DASK_GATEWAY_API_URL: `${hubUrl}${gatewayPath}/api`,
    DASK_GATEWAY_CLUSTER_NAME: name,
    DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION: 'True',
    ATRIUM_DASK_CLIENT_TIMEOUT: String(settings.clientTimeoutMs / 1000),
  }
}

/** distributed takes PEM text where it takes the name of a file, so that nothing is on a disk. */
function buildTlsEnvironment({ certificate, key }: ClusterSecrets): Record<string, string> {
  return {
    DASK_DISTRIBUTED__COMM__TLS__CA_FILE: certificate,
    DASK_DISTRIBUTED__COMM__TLS__SCHEDULER__CERT: certificate,
    DASK_DISTRIBUTED__COMM__TLS__SCHEDULER__KEY: key,
    DASK_DISTRIBUTED__COMM__TLS__WORKER__CERT: certificate,
    DASK_DISTRIBUTED__COMM__TLS__WORKER__KEY: key,
  }
}

function buildWarmEntry(
  { warmStart }: DaskSettings,
  { environmentPrefix }: ClusterSettings,
  entry: string,
): Pick<JobSpec, 'warm'> {
  return warmStart && environmentPrefix !== undefined ? { warm: { prefix: environmentPrefix, entry } } : {}
}
