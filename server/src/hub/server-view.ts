import type { Profile, ServerDetails } from '@atrium/contract/servers.ts'

import type { Job } from '#scheduler/job-record.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import type { ReadableDatabase } from '#store/store.ts'

import type { ProfileOffer } from './profile-offers.ts'
import type { Profiles } from './profiles.ts'
import { buildServerDetails } from './server-details.ts'
import { buildUnusedServer } from './server-model.ts'
import type { ServerOwner } from './server-models.ts'
import { listServersOfUsers, type ServerRecord } from './server-records.ts'

/** Servers and profiles as the portal and Atrium's own API show them. */
export interface ServerView {
  /** The default server first, then the named ones, by name. */
  list(owner: ServerOwner): Promise<readonly ServerDetails[]>
  /** Undefined when the owner has no such server. */
  find(owner: ServerOwner, server: string): Promise<ServerDetails | undefined>
}

interface ServerViewOptions {
  db: ReadableDatabase
  jobs: Pick<Jobs, 'findMany' | 'listPlaces'>
  profiles: Pick<Profiles, 'idleSettings'>
}

/** See `ServerView`. */
export function createServerView({ db, jobs, profiles }: ServerViewOptions): ServerView {
  const list = async (owner: ServerOwner) => {
    const stored = await listServersOfUsers(db, [owner.id])
    const records = stored.some(({ name }) => name === '') ? stored : [buildUnusedServer(owner), ...stored]
    const known = await findJobs(jobs, records)
    return records.map((record) => {
      const job = record.jobKey === null ? undefined : known.get(record.jobKey)
      return buildServerDetails(record, job, profiles.idleSettings(record.profile))
    })
  }
  return {
    list,
    find: async (owner, server) => (await list(owner)).find(({ name }) => name === server),
  }
}

/** Servers' jobs; those in line with their place. */
async function findJobs(
  jobs: Pick<Jobs, 'findMany' | 'listPlaces'>,
  records: readonly ServerRecord[],
): Promise<ReadonlyMap<string, Job>> {
  const found = await jobs.findMany(records.flatMap(({ jobKey }) => jobKey ?? []))
  const queued = [...found.values()].filter(({ state }) => state === 'queued')
  if (queued.length === 0) return found
  const places = await jobs.listPlaces()
  const placed = queued.flatMap((job) => {
    const wait = places.get(job.key)
    return wait === undefined ? [] : [[job.key, { ...job, wait }] as const]
  })
  return new Map([...found, ...placed])
}

/** A profile as people choose it. */
export function buildProfileView({ profile, accounts }: ProfileOffer): Profile {
  const { name, title, description, isDefault, cpu, memoryBytes, gpu, environmentPrefix, timeLimitMs, idle } =
    profile
  const { queue, nodes, exclusive, preemptible } = profile
  return {
    name,
    title,
    description,
    isDefault,
    ...(cpu === undefined ? {} : { cpu }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(gpu === undefined ? {} : { gpu }),
    ...(environmentPrefix === undefined ? {} : { environment: environmentPrefix }),
    ...(timeLimitMs === undefined ? {} : { timeLimitMs }),
    ...(idle.stop ? { idleTimeoutMs: idle.afterMs } : {}),
    ...(queue?.partition === undefined ? {} : { partition: queue.partition }),
    ...(nodes === undefined ? {} : { nodes }),
    ...(exclusive ? { exclusive } : {}),
    ...(preemptible ? { preemptible } : {}),
    ...(accounts.length === 0 ? {} : { accounts }),
  }
}
