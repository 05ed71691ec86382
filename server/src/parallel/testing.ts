import { PlatformError } from '@atrium/contract/errors.ts'

import type { Identity } from '#identity/identity.ts'
import type { Clock } from '#platform/clock.ts'
import { createSilentLogger } from '#platform/log.ts'
import { createSealedBox } from '#platform/sealed-box.ts'
import type { JobProfile } from '#scheduler/job-profile.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import type { Store } from '#store/store.ts'

import { createRuns, type Runs } from './runs.ts'

/** The first is the default one. */
export const testProfiles: readonly JobProfile[] = [
  {
    name: 'small',
    title: 'Small',
    resources: { cpu: 2, memoryBytes: 4 * 2 ** 30 },
    queue: { account: 'lab' },
    preemptible: false,
  },
  {
    name: 'gpu',
    title: 'GPU',
    resources: { cpu: 8, memoryBytes: 32 * 2 ** 30, gpu: 1 },
    preemptible: true,
    timeLimitMs: 3_600_000,
    environmentPrefix: '/env/gpu',
  },
]

/** Runs on a pretend cluster. Homes are `/home/NAME`, environments below `/env`. */
export function createTestRuns({
  store,
  jobs,
  clock,
  identity,
  arrayLimit = 10_000,
}: {
  store: Store
  jobs: Jobs
  clock: Clock
  identity: Pick<Identity, 'users' | 'grants'>
  arrayLimit?: number
}): Runs {
  return createRuns({
    store,
    jobs,
    clock,
    users: identity.users,
    mayRun: async ({ id, name }) =>
      (await identity.grants.scopeSetOf({ kind: 'user', id, name })).allows('jobs', { user: name }),
    box: createSealedBox(Buffer.alloc(32, 5)),
    log: createSilentLogger(),
    replica: 'replica-1',
    settings: {
      environmentPrefix: '/env/platform',
      client: { apiUrl: 'http://hub', clientFolder: '/atrium/client' },
      arrayLimit,
    },
    async chooseProfile(_user, { profile: name }) {
      const profile = testProfiles.find((candidate) => name === undefined || candidate.name === name)
      if (profile === undefined)
        throw new PlatformError('bad_request', { message: `There is no profile "${name}".` })
      return profile
    },
    prepareOwner: async ({ name }) => ({
      owner: { name, login: name, home: `/home/${name}` },
      shell: '/bin/bash',
    }),
  })
}
