import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { isPlatformError, PlatformError } from '@atrium/contract/errors.ts'
import fc from 'fast-check'

import type { User } from '#identity/users.ts'
import type { JobProfile } from '#scheduler/job-profile.ts'
import { type ClusterOptionsConfig, createClusterOptions } from './cluster-options.ts'
import { parseOption } from './option-field.ts'
import { optionNames } from './option-fields.ts'

const gib = 1024 ** 3
const alice = { id: 1, name: 'alice' } as User

const config: ClusterOptionsConfig = {
  shown: optionNames,
  defaults: {
    worker: { cores: 1, memoryBytes: 2 * gib, gpus: 0, preemptible: false },
    scheduler: { cores: 1, memoryBytes: 2 * gib },
    idleTimeoutMs: 1_800_000,
    clientTimeoutMs: 86_400_000,
    environment: { SITE: 'ours', LEVEL: 'site' },
  },
  bounds: { maximum: {}, groups: {}, users: {} },
}

const standard: JobProfile = { name: 'default', title: 'Default', resources: {}, preemptible: false }
const large: JobProfile = {
  name: 'large',
  title: 'Large',
  resources: { cpu: 8, memoryBytes: 32 * gib },
  queue: { partition: 'long', account: 'physics' },
  preemptible: true,
  environmentPrefix: '/envs/large',
}

interface Given {
  config?: Partial<ClusterOptionsConfig>
  groups?: readonly string[]
  profiles?: readonly JobProfile[]
  gpu?: boolean
}

function openOptions({ groups = [], profiles = [standard], gpu = true, ...given }: Given = {}) {
  return createClusterOptions({
    config: { ...config, ...given.config },
    users: { groupsOf: async () => new Map([[1, groups]]) },
    listProfiles: async () => profiles,
    async chooseProfile(_user, { profile }) {
      const found = profiles.find(({ name }) => profile === undefined || name === profile)
      if (found === undefined)
        throw new PlatformError('forbidden', { message: 'No profile is open to this user.' })
      return found
    },
    findServerEnvironment: async (id) => (id === 7 ? { prefix: '/envs/of-server' } : undefined),
    environmentPrefix: '/envs/platform',
    findAbilities: async () => ({ gpu, preemptible: true }),
  })
}

const parse = (wanted: unknown, given?: Given, serverId: number | null = null) =>
  openOptions(given).parse(alice, wanted, { serverId })

async function refusalOf(wanted: unknown, given?: Given): Promise<string> {
  const error = await parse(wanted, given).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert.ok(isPlatformError(error, 'unprocessable'), String(error))
  return error.message
}

describe('options of clusters', () => {
  test('are shown as the protocol writes them, with defaults that the client takes', async () => {
    assert.deepEqual(await openOptions({ gpu: false }).describe(alice), [
      {
        field: 'worker_cores',
        label: 'Cores of a worker',
        default: 1,
        spec: { type: 'int', min: 1, max: null },
      },
      {
        field: 'worker_memory',
        label: 'Memory of a worker (GiB)',
        default: 2,
        spec: { type: 'float', min: 0.25, max: null },
      },
      {
        field: 'worker_threads',
        label: 'Threads of a worker (0: as many as cores)',
        default: 0,
        spec: { type: 'int', min: 0, max: 4096 },
      },
      {
        field: 'preemptible',
        label: 'More important jobs may take the place of workers',
        default: false,
        spec: { type: 'bool' },
      },
      {
        field: 'environment',
        label: 'Prefix of the Python environment (empty: as here)',
        default: '',
        spec: { type: 'string' },
      },
      { field: 'environment_vars', label: 'Environment variables', default: {}, spec: { type: 'mapping' } },
      {
        field: 'idle_timeout',
        label: 'Stop after so many seconds without work (0: never)',
        default: 1800,
        spec: { type: 'float', min: 0, max: null },
      },
      {
        field: 'client_timeout',
        label: 'Stop so many seconds after the last client has left (0: never)',
        default: 86_400,
        spec: { type: 'float', min: 0, max: null },
      },
    ])
  })

  test('that were not sent are as the configuration says', async () => {
    const { options, settings } = await parse({})
    assert.equal(options['worker_cores'], 1)
    assert.deepEqual(settings, {
      environmentPrefix: '/envs/platform',
      profile: 'default',
      worker: { cpu: 1, threads: 1, memoryBytes: 2 * gib, gpu: 0, preemptible: false },
      scheduler: { cpu: 1, memoryBytes: 2 * gib },
      environment: { SITE: 'ours', LEVEL: 'site' },
      idleTimeoutMs: 1_800_000,
      clientTimeoutMs: 86_400_000,
    })
  })

  test('decide over workers, times and variables', async () => {
    const { settings } = await parse({
      worker_cores: 4,
      worker_memory: 1.5,
      worker_gpus: 1,
      worker_threads: 2,
      preemptible: true,
      environment: '/envs/mine/',
      environment_vars: { LEVEL: 'mine', OMP_NUM_THREADS: 1 },
      idle_timeout: 0,
      client_timeout: 12.5,
    })
    assert.deepEqual(settings.worker, {
      cpu: 4,
      threads: 2,
      memoryBytes: 1.5 * gib,
      gpu: 1,
      preemptible: true,
    })
    assert.equal(settings.environmentPrefix, '/envs/mine')
    assert.deepEqual(settings.environment, { SITE: 'ours', LEVEL: 'mine', OMP_NUM_THREADS: '1' })
    assert.deepEqual([settings.idleTimeoutMs, settings.clientTimeoutMs], [0, 12_500])
  })

  test('are refused in the words of Dask Gateway', async () => {
    const cases: readonly [unknown, string][] = [
      [[], "options must be a dict, got 'list'"],
      ['x', "options must be a dict, got 'str'"],
      [{ nodes: 1, "it's": 2 }, `Unknown fields ["it's", 'nodes']`],
      [{ worker_cores: '4' }, "worker_cores must be an integer, got '4'"],
      [{ worker_cores: 1.5 }, 'worker_cores must be an integer, got 1.5'],
      [{ worker_cores: true }, 'worker_cores must be an integer, got True'],
      [{ worker_cores: 0 }, 'worker_cores must be >= 1.000000, got 0'],
      [{ worker_cores: -1 }, 'worker_cores must be >= 1.000000, got -1'],
      [{ worker_memory: null }, 'worker_memory must be a float, got None'],
      [{ worker_memory: 0.1 }, 'worker_memory must be >= 0.250000, got 0.1'],
      [{ worker_memory: Number.POSITIVE_INFINITY }, 'worker_memory must be a float, got Infinity'],
      [{ preemptible: 1 }, 'preemptible must be a bool, got 1'],
      [{ environment: 5 }, 'environment must be a string, got 5'],
      [{ environment_vars: [] }, 'environment_vars must be a mapping, got []'],
      [{ idle_timeout: -1 }, 'idle_timeout must be >= 0.000000, got -1.0'],
    ]
    for (const [wanted, message] of cases) assert.equal(await refusalOf(wanted), message)
  })

  test('cannot reach into what the platform says to its own programs', async () => {
    const variables = (environment_vars: unknown) => refusalOf({ environment_vars })
    assert.match(await variables({ JUPYTERHUB_API_TOKEN: 'x' }), /is the platform's own/)
    assert.match(await variables({ DASK_GATEWAY_API_URL: 'x' }), /is the platform's own/)
    assert.match(await variables({ 'a b': 'x' }), /is no name of a variable/)
    assert.match(await variables({ A: { nested: true } }), /A must be a string, got \{'nested': True\}/)
    assert.match(await variables({ A: 'x\0y' }), /no NUL/)
    assert.match(await variables({ A: 'x'.repeat(70_000) }), /at most 65536 bytes/)
    const many = Object.fromEntries(Array.from({ length: 201 }, (_, at) => [`V${at}`, '']))
    assert.match(await variables(many), /at most 200 variables/)
    for (const environment of ['envs/mine', '/envs/../etc', '/envs/\n']) {
      assert.match(await refusalOf({ environment }), /must be the absolute path/)
    }
  })

  test('a cluster has the environment of the server that asks for it', async () => {
    assert.equal((await parse({}, {}, 7)).settings.environmentPrefix, '/envs/of-server')
    assert.equal((await parse({}, {}, 8)).settings.environmentPrefix, '/envs/platform')
    assert.equal((await parse({ environment: '/mine' }, {}, 7)).settings.environmentPrefix, '/mine')
    const profiles = [large]
    assert.equal((await parse({}, { profiles })).settings.environmentPrefix, '/envs/large')
  })

  test('of several profiles one is chosen, and a worker is as it says unless told otherwise', async () => {
    const profiles = [standard, large]
    const [profile, cores] = await openOptions({ profiles }).describe(alice)
    assert.deepEqual(profile?.spec, { type: 'select', options: ['default', 'large'] })
    assert.deepEqual([cores?.default, cores?.spec], [0, { type: 'int', min: 0, max: null }])
    const { settings } = await parse({ profile: 'large', worker_cores: 0, worker_memory: 3 }, { profiles })
    assert.deepEqual(settings.worker, { cpu: 8, threads: 8, memoryBytes: 3 * gib, gpu: 0, preemptible: true })
    assert.deepEqual(settings.queue, { partition: 'long', account: 'physics' })
    assert.equal(
      await refusalOf({ profile: 'none' }, { profiles }),
      "'none' is not a valid option for profile",
    )
    assert.equal(await refusalOf({ profile: 'large' }), "Unknown fields ['profile']")
    assert.equal(await refusalOf({}, { profiles: [] }), 'No profile is open to this user.')
  })

  test('are bounded for everybody, more generously for groups, and for a user by name', async () => {
    const bounds = {
      maximum: { workers: 10, cores: 2, memoryBytes: gib, gpus: 0, idleTimeoutMs: 600_000 },
      groups: { physics: { cores: 8 }, biology: { cores: 4, workers: 50 }, constructor: {} },
      users: { alice: { workers: 3 } },
    }
    const bounded = (groups: readonly string[]): Given => ({ config: { bounds }, groups })
    const limits = async (groups: readonly string[]) => {
      const fields = await openOptions(bounded(groups)).describe(alice)
      return Object.fromEntries(
        fields.flatMap(({ field, spec }) => ('max' in spec ? [[field, spec.max] as const] : [])),
      )
    }
    const everybody = {
      worker_cores: 2,
      worker_memory: 1,
      worker_threads: 4096,
      idle_timeout: 600,
      client_timeout: null,
    }
    assert.deepEqual(await limits([]), everybody)
    assert.deepEqual(await limits(['physics', 'biology']), { ...everybody, worker_cores: 8 })
    const { options, settings } = await parse({}, bounded(['toString']))
    assert.deepEqual([options['worker_memory'], settings.worker.memoryBytes], [1, gib])
    assert.deepEqual([settings.idleTimeoutMs, settings.maximumWorkers], [600_000, 3])
    assert.equal(await refusalOf({ worker_cores: 3 }, bounded([])), 'worker_cores must be <= 2.000000, got 3')
    assert.equal(
      await refusalOf({ idle_timeout: 0 }, bounded([])),
      'idle_timeout must be >= 1.000000, got 0.0',
    )
    assert.equal(await refusalOf({ worker_gpus: 1 }, bounded([])), "Unknown fields ['worker_gpus']")
  })

  test('that are not shown stay as the configuration says, also against a bound', async () => {
    const given: Given = {
      config: { shown: ['worker_cores'], bounds: { ...config.bounds, maximum: { clientTimeoutMs: 1000 } } },
    }
    assert.deepEqual(
      (await openOptions(given).describe(alice)).map(({ field }) => field),
      ['worker_cores'],
    )
    assert.equal((await parse({}, given)).settings.clientTimeoutMs, 1000)
    assert.equal(await refusalOf({ client_timeout: 5000 }, given), "Unknown fields ['client_timeout']")
  })

  test('have defaults that they would take themselves, whatever the configuration says', async () => {
    const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })
    const memory = fc.integer({ min: 1, max: 64 }).map((part) => (part * gib) / 16)
    const time = fc.integer({ min: 0, max: 10_000 })
    const bounds = fc.record({
      cores: optional(fc.integer({ min: 1, max: 8 })),
      memoryBytes: optional(memory),
      gpus: optional(fc.integer({ min: 0, max: 4 })),
      idleTimeoutMs: optional(time),
      clientTimeoutMs: optional(time),
    })
    const profile = fc.record({
      cpu: optional(fc.double({ min: 0.1, max: 16, noNaN: true })),
      memoryBytes: optional(memory),
      gpu: optional(fc.integer({ min: 0, max: 8 })),
    })
    const given = fc.record({
      worker: fc.record({
        cores: fc.integer({ min: 1, max: 16 }),
        memoryBytes: memory,
        gpus: fc.integer({ min: 0, max: 8 }),
        preemptible: fc.boolean(),
      }),
      idleTimeoutMs: time,
      clientTimeoutMs: time,
      bounds,
      profiles: fc.array(profile, { minLength: 1, maxLength: 3 }),
    })
    await fc.assert(
      fc.asyncProperty(given, async ({ bounds: maximum, profiles, ...defaults }) => {
        const options = openOptions({
          config: {
            defaults: { ...config.defaults, ...defaults },
            bounds: { ...config.bounds, maximum: dropUndefined(maximum) },
          },
          profiles: profiles.map((resources, at) => ({
            ...standard,
            name: `p${at}`,
            resources: dropUndefined(resources),
          })),
        })
        for (const field of await options.describe(alice)) {
          assert.deepEqual(parseOption(field, field.default), field.default)
        }
        const { settings } = await options.parse(alice, {}, { serverId: null })
        const { cpu, memoryBytes, gpu } = settings.worker
        assert.ok(cpu >= 1 && cpu <= (maximum.cores ?? Number.POSITIVE_INFINITY))
        assert.ok(memoryBytes <= (maximum.memoryBytes ?? Number.POSITIVE_INFINITY))
        assert.ok(gpu <= (maximum.gpus ?? Number.POSITIVE_INFINITY))
      }),
    )
  })
})

function dropUndefined<T extends object>(values: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [Key in keyof T]?: Exclude<T[Key], undefined> }
}
