import type { Config } from '#config/schema.ts'
import { parseByteSize, parseDurationMs } from '#config/units.ts'
import type { ClusterBounds } from '#dask/options/cluster-bounds.ts'
import {
  type ClusterOptions,
  type ClusterOptionsConfig,
  createClusterOptions,
} from '#dask/options/cluster-options.ts'
import type { Hub } from '#hub/hub.ts'
import type { User, Users } from '#identity/users.ts'
import type { Clock } from '#platform/clock.ts'
import { keepFor } from '#platform/keep-for.ts'
import type { JobEnvironment } from '#scheduler/job-environment.ts'
import type { JobProfile, JobProfileWish } from '#scheduler/job-profile.ts'
import type { Scheduler } from '#scheduler/scheduler.ts'
import { buildJobProfile } from './job-wishes.ts'

interface PlatformOptionsParts {
  config: Config
  hub: Pick<Hub, 'profiles'>
  users: Pick<Users, 'groupsOf'>
  /** What runs clusters' jobs. */
  scheduler: Pick<Scheduler, 'capabilities'>
  clock: Clock
  chooseProfile(user: User, wish: JobProfileWish): Promise<JobProfile>
  findServerEnvironment(serverId: number): Promise<JobEnvironment | undefined>
  /** Of the platform's own environment; absent: images bring one. */
  environmentPrefix?: string
}

/** What a cluster of machines is able to do changes with its machines. */
const abilitiesAgeMs = 60_000

/** The options of this platform's clusters. */
export function createPlatformClusterOptions(parts: PlatformOptionsParts): ClusterOptions {
  return createClusterOptions({
    ...parts,
    config: buildClusterOptionsConfig(parts.config),
    async listProfiles(user) {
      const { offers } = await parts.hub.profiles.list(user)
      return offers.map(({ profile }) => buildJobProfile(profile))
    },
    // Of Slurm it is two programs: twenty clusters that somebody opens at once would wait for forty.
    findAbilities: keepFor<void, { gpu: boolean; preemptible: boolean }>(
      abilitiesAgeMs,
      parts.clock,
      async () => {
        const { gpu, preemption } = await parts.scheduler.capabilities({
          signal: AbortSignal.timeout(10_000),
        })
        return { gpu, preemptible: preemption }
      },
    ),
  })
}

/** What the options need of the configuration. */
export function buildClusterOptionsConfig({ dask }: Config): ClusterOptionsConfig {
  const { worker, scheduler } = dask
  return {
    shown: dask.options,
    defaults: {
      worker: {
        cores: worker.cores,
        memoryBytes: parseByteSize(worker.memory),
        gpus: worker.gpus,
        preemptible: worker.preemptible,
        ...(worker.threads === undefined ? {} : { threads: worker.threads }),
      },
      scheduler: { cores: scheduler.cores, memoryBytes: parseByteSize(scheduler.memory) },
      idleTimeoutMs: parseDurationMs(dask.idleTimeout),
      clientTimeoutMs: parseDurationMs(dask.clientTimeout),
      environment: dask.environment,
    },
    bounds: {
      maximum: buildBounds(dask.maximum),
      groups: mapValues(dask.groups, buildBounds),
      users: mapValues(dask.users, buildBounds),
    },
  }
}

function buildBounds(bounds: Config['dask']['maximum']): ClusterBounds {
  const { workers, cores, memory, gpus, idleTimeout, clientTimeout } = bounds
  return {
    ...(workers === undefined ? {} : { workers }),
    ...(cores === undefined ? {} : { cores }),
    ...(memory === undefined ? {} : { memoryBytes: parseByteSize(memory) }),
    ...(gpus === undefined ? {} : { gpus }),
    ...(idleTimeout === undefined ? {} : { idleTimeoutMs: parseDurationMs(idleTimeout) }),
    ...(clientTimeout === undefined ? {} : { clientTimeoutMs: parseDurationMs(clientTimeout) }),
  }
}

function mapValues<From, To>(
  record: Readonly<Record<string, From>>,
  change: (value: From) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]))
}
