import type { Config } from '#config/schema.ts'
import { parseDurationMs } from '#config/units.ts'
import type { DaskSettings } from '#dask/cluster-jobs.ts'
import { createDask, type Dask, type DaskOptions } from '#dask/dask.ts'
import type { ClusterOptions } from '#dask/options/cluster-options.ts'
import type { Hub } from '#hub/hub.ts'
import type { Identity } from '#identity/identity.ts'
import { createPlatformClusterOptions } from './dask-options.ts'
import type { JobDrivers } from './job-drivers.ts'
import type { JobWishes } from './job-wishes.ts'

/** Dask clusters as the control plane has them. */
export interface PlatformDask {
  clusters: Dask
  /** Undefined: nobody makes clusters here. */
  options: ClusterOptions | undefined
}

export interface PlatformDaskParts
  extends Omit<DaskOptions, 'settings' | 'ensureRoutesLive'>,
    Pick<JobWishes, 'chooseProfile' | 'findServerEnvironment'> {
  config: Config
  drivers: JobDrivers
  identity: Pick<Identity, 'users'>
  hub: Pick<Hub, 'profiles' | 'publisher'>
}

/** Wires clusters. Those that are there when they were switched off end. */
export function createPlatformDask(parts: PlatformDaskParts): PlatformDask {
  const { config, drivers, identity, hub } = parts
  const clusters = createDask({
    ...parts,
    settings: buildDaskSettings(config, drivers),
    ensureRoutesLive: (ways, job) => hub.publisher.ensureRoutesLive(ways, job),
  })
  const scheduler = drivers.schedulers[drivers.defaultDriver]
  if (!config.dask.enabled || scheduler === undefined) return { clusters, options: undefined }
  return {
    clusters,
    options: createPlatformClusterOptions({ ...parts, ...drivers.servers, scheduler, users: identity.users }),
  }
}

function buildDaskSettings(
  { dask, servers }: Config,
  { servers: given, clusters }: JobDrivers,
): DaskSettings {
  return {
    ...given,
    enabled: dask.enabled,
    maximumWorkers: clusters.maximumWorkers,
    startTimeoutMs: parseDurationMs(servers.startTimeout),
    stopGraceMs,
  }
}

/** Nothing is lost with a worker or a scheduler that does not end by itself in time. */
const stopGraceMs = 5000
