import type { Hub } from '#hub/hub.ts'
import type { ServerProfile } from '#hub/profiles.ts'
import type { Identity } from '#identity/identity.ts'
import type { User } from '#identity/users.ts'
import type { JobEnvironment } from '#scheduler/job-environment.ts'
import type { JobProfile, JobProfileWish } from '#scheduler/job-profile.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import { findEnvironmentPrefix } from '#scheduler/login-environment.ts'
import { pickPodPlace } from '#scheduler/pod-options.ts'
import type { Store } from '#store/store.ts'

/** What features whose jobs are no servers need to know of profiles and servers. */
export interface JobWishes {
  /** The profile that is wished for, or the first that is offered. Throws `bad_request` and `forbidden`, naming those that are. */
  chooseProfile(user: User, wish: JobProfileWish): Promise<JobProfile>
  /** The Python that a server runs with now; undefined for one that does not run. */
  findServerEnvironment(serverId: number): Promise<JobEnvironment | undefined>
}

/** See `JobWishes`. */
export function createJobWishes({
  store,
  jobs,
  hub,
}: {
  store: Store
  jobs: Pick<Jobs, 'find'>
  hub: Pick<Hub, 'profiles'>
}): JobWishes {
  return {
    async chooseProfile(user, { profile, account }) {
      return buildJobProfile(await hub.profiles.choose(user, { profile, account }))
    },
    async findServerEnvironment(serverId) {
      const server = await store.db
        .selectFrom('servers')
        .select('job_key')
        .where('id', '=', serverId)
        .executeTakeFirst()
      const job = server?.job_key == null ? undefined : await jobs.find(server.job_key)
      if (job === undefined) return undefined
      const prefix = findEnvironmentPrefix(job.spec.environment)
      const { image } = job.spec
      return { ...(prefix === undefined ? {} : { prefix }), ...(image === undefined ? {} : { image }) }
    },
  }
}

/** Whether somebody may run programs now, by roles and groups. */
export function createRunRight({ grants }: Pick<Identity, 'grants'>): (user: User) => Promise<boolean> {
  return async ({ id, name }) => {
    const scopes = await grants.scopeSetOf({ kind: 'user', id, name })
    return scopes.allows('jobs', { user: name })
  }
}

/** A notebook server's profile as one for any job. */
export function buildJobProfile(profile: ServerProfile): JobProfile {
  const { name, title, cpu, memoryBytes, gpu, exclusive, queue, preemptible = false } = profile
  const { timeLimitMs, environmentPrefix } = profile
  return {
    name,
    title,
    resources: {
      ...(cpu === undefined ? {} : { cpu }),
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
      ...(gpu === undefined ? {} : { gpu }),
      ...(exclusive === undefined ? {} : { exclusive }),
    },
    ...(queue === undefined ? {} : { queue }),
    ...pickPodPlace(profile),
    preemptible,
    ...(timeLimitMs === undefined ? {} : { timeLimitMs }),
    ...(environmentPrefix === undefined ? {} : { environmentPrefix }),
  }
}
