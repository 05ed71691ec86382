import { isIP } from 'node:net'

import { checkDask } from './dask-combinations.ts'
import { checkKubernetes } from './kubernetes-combinations.ts'
import { isLoopbackUrl } from './loopback.ts'
import type { Config } from './schema.ts'
import { checkSlurmCloud } from './slurm-cloud-combinations.ts'

/** What no single key shows: values that do not go together. */
export interface Conflict {
  path: readonly (string | number)[]
  message: string
}

/** Checks what a schema cannot say. Every conflict is answered, not only the first. */
export function checkCombinations(config: Config): readonly Conflict[] {
  return [
    ...checkEdge(config),
    ...checkProfiles(config),
    ...checkServices(config),
    ...checkRoles(config),
    ...checkStore(config),
    ...checkSlurmCloud(config.scheduler.slurm.cloud),
    ...checkScheduler(config),
    ...checkKubernetes(config),
    ...checkDask(config),
  ]
}

function checkEdge(config: Config): readonly Conflict[] {
  return [...checkTrustedProxies(config), ...checkExternalEdge(config)]
}

function checkExternalEdge({ edge, keys }: Config): readonly Conflict[] {
  if (edge.external === undefined) return []
  const path = ['edge', 'external']
  return [
    ...(edge.publicUrl === undefined
      ? [{ path, message: 'give edge.publicUrl: edges on other machines do not know it' }]
      : []),
    ...(keys === undefined
      ? [{ path, message: 'give keys: edges and control planes need the same edge.key' }]
      : []),
  ]
}

function checkTrustedProxies({ edge }: Config): readonly Conflict[] {
  return edge.trustedProxies.flatMap((range, at) =>
    isAddressRange(range)
      ? []
      : [
          {
            path: ['edge', 'trustedProxies', at],
            message: `${JSON.stringify(range)} is no address (10.0.0.7, ::1) and no range of them (10.0.0.0/8)`,
          },
        ],
  )
}

function isAddressRange(range: string): boolean {
  const [address = '', prefix, ...rest] = range.split('/')
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1
  if (bits === -1 || rest.length > 0) return false
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits)
}

function checkProfiles({ profiles, scheduler }: Config): readonly Conflict[] {
  const conflicts: Conflict[] = duplicates(profiles.map((profile) => profile.name)).map((at) => ({
    path: ['profiles', at, 'name'],
    message: 'another profile has this name',
  }))
  const defaults = profiles.flatMap((profile, at) => (profile.default ? [at] : []))
  const second = defaults[1]
  if (second !== undefined) {
    conflicts.push({
      path: ['profiles', second, 'default'],
      message: 'another profile is the default already',
    })
  }
  const queueing = profiles.flatMap((profile, at) => [
    ...checkQueueKeys(scheduler.driver, profile, at),
    ...checkGpus(profile, at),
  ])
  return [...conflicts, ...queueing]
}

/** GPUs that are asked for past `gpu` would be in no quota and in no bill. */
function checkGpus({ gpu, gpuType, gres }: Config['profiles'][number], at: number): Conflict[] {
  const hidden = gres?.split(',').some((each) => each.split(':')[0] === 'gpu') ?? false
  return [
    ...(hidden ? [{ path: ['profiles', at, 'gres'], message: 'GPUs are asked for by gpu and gpuType' }] : []),
    ...(gpuType !== undefined && !gpu
      ? [{ path: ['profiles', at, 'gpuType'], message: 'say by gpu how many of them' }]
      : []),
  ]
}

/** What profiles can ask of some drivers only. */
const queueKeys = [
  'gpu',
  'partition',
  'account',
  'qos',
  'constraint',
  'gpuType',
  'reservation',
  'gres',
  'exclusive',
  'nodes',
  'tasks',
  'preemptible',
  'image',
  'nodePool',
  'kubernetes',
] as const satisfies readonly (keyof Config['profiles'][number])[]

const podKeys = ['image', 'nodePool', 'kubernetes'] as const satisfies readonly (typeof queueKeys)[number][]

/** Those a driver cannot do. */
const impossible: Readonly<Record<Config['scheduler']['driver'], readonly (typeof queueKeys)[number][]>> = {
  local: queueKeys,
  slurm: podKeys,
  kubernetes: queueKeys.filter((key) => !['gpu', 'preemptible', ...podKeys].includes(key)),
}

/** Values that ask for nothing special: they are fine everywhere. */
const plainValues: readonly unknown[] = [undefined, false, 0]

function checkQueueKeys(
  driver: Config['scheduler']['driver'],
  profile: Config['profiles'][number],
  at: number,
): Conflict[] {
  return impossible[driver]
    .filter((key) => !plainValues.includes(profile[key]) && !(isCount(key) && profile[key] === 1))
    .map((key) => ({
      path: ['profiles', at, key],
      message: `the scheduler driver "${driver}" cannot do this: ${reasons[driver][key] ?? usualReason(key)}`,
    }))
}

function usualReason(key: (typeof queueKeys)[number]): string {
  const pods: readonly string[] = podKeys
  return pods.includes(key) ? 'it needs Kubernetes' : 'it needs a batch system such as Slurm'
}

const reasons: Readonly<
  Record<Config['scheduler']['driver'], Readonly<Partial<Record<(typeof queueKeys)[number], string>>>>
> = {
  local: {
    gpu: 'it gives no GPUs to jobs',
    nodes: 'there is one machine',
    tasks: 'there is one machine',
  },
  slurm: { nodePool: 'say by `partition` which nodes' },
  kubernetes: {
    partition: 'say by `nodePool` which nodes',
    gpuType: 'say by `nodePool` or `kubernetes.gpuResource` which GPUs',
    constraint: 'say by `kubernetes.nodeSelector` which nodes',
    nodes: 'a server is one pod',
    tasks: 'a server is one pod',
  },
}

function isCount(key: (typeof queueKeys)[number]): boolean {
  return key === 'nodes' || key === 'tasks'
}

function checkServices({ services }: Config): readonly Conflict[] {
  return duplicates(services.map((service) => service.name)).map((at) => ({
    path: ['services', at, 'name'],
    message: 'another service has this name',
  }))
}

function checkRoles({ roles, services }: Config): readonly Conflict[] {
  const known = new Set(services.map((service) => service.name))
  const unknownServices = roles.flatMap((role, at) =>
    role.services.flatMap((name, index) =>
      known.has(name)
        ? []
        : [
            {
              path: ['roles', at, 'services', index],
              message: `there is no service ${JSON.stringify(name)}`,
            },
          ],
    ),
  )
  const repeated = duplicates(roles.map((role) => role.name)).map((at) => ({
    path: ['roles', at, 'name'],
    message: 'another role has this name',
  }))
  return [...unknownServices, ...repeated]
}

function checkStore({ store }: Config): readonly Conflict[] {
  return store.url !== undefined && store.urlFile !== undefined
    ? [{ path: ['store', 'urlFile'], message: 'give url or urlFile, not both' }]
    : []
}

function checkScheduler({ scheduler, edge }: Config): readonly Conflict[] {
  const { driver, slurm } = scheduler
  if (driver !== 'slurm') return []
  return [
    ...(slurm.shared === undefined
      ? [
          {
            path: ['scheduler', 'driver'],
            message: 'give scheduler.slurm.shared a folder that all nodes see',
          },
        ]
      : []),
    ...(slurm.ports !== undefined && slurm.ports.last < slurm.ports.first
      ? [{ path: ['scheduler', 'slurm', 'ports', 'last'], message: 'it is below the first' }]
      : []),
    ...checkReach(['scheduler', 'slurm', 'hubUrl'], slurm.hubUrl),
    ...(slurm.hubUrl === undefined ? checkReach(['edge', 'publicUrl'], edge.publicUrl) : []),
    ...checkRest(slurm.rest),
  ]
}

function checkRest(rest: Config['scheduler']['slurm']['rest']): readonly Conflict[] {
  if (rest === undefined || (rest.jwtKeyFile === undefined) !== (rest.tokenFile === undefined)) return []
  const path = ['scheduler', 'slurm', 'rest']
  return rest.tokenFile === undefined
    ? [{ path, message: 'give jwtKeyFile or tokenFile: slurmrestd answers nobody without a token' }]
    : [{ path: [...path, 'tokenFile'], message: 'give jwtKeyFile or tokenFile, not both' }]
}

function checkReach(path: Conflict['path'], url: string | undefined): readonly Conflict[] {
  return url === undefined || !isLoopbackUrl(url)
    ? []
    : [{ path, message: `nodes cannot reach ${url}: give scheduler.slurm.hubUrl an address of this machine` }]
}

/** Indices of the names that stood before. */
function duplicates(names: readonly string[]): readonly number[] {
  return names.flatMap((name, at) => (names.indexOf(name) < at ? [at] : []))
}
