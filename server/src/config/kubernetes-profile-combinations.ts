import type { Conflict } from './combinations.ts'
import { checkTolerations, checkVolumes } from './kubernetes-volume-combinations.ts'
import { isWithin } from './path-checks.ts'
import type { Config } from './schema.ts'
import { parseByteSize } from './units.ts'

/** What the schema cannot say of profiles whose jobs are pods. */
export function checkKubernetesProfiles({
  profiles,
  scheduler: { kubernetes },
}: Config): readonly Conflict[] {
  return profiles.flatMap((profile, at) => {
    const says = (key: string, message: string): Conflict => ({ path: ['profiles', at, key], message })
    return [
      ...checkPool(profile, kubernetes.nodePools).map((message) => says('nodePool', message)),
      ...checkPrefix(profile.environment, kubernetes.storage.environments).map((message) =>
        says('environment', message),
      ),
      ...checkPods(profile, kubernetes, ['profiles', at, 'kubernetes']),
    ]
  })
}

type Profile = Config['profiles'][number]
type Section = Config['scheduler']['kubernetes']

function checkPool({ nodePool, preemptible }: Profile, pools: Section['nodePools']): readonly string[] {
  if (nodePool === undefined) return []
  const pool = pools.find(({ name }) => name === nodePool)
  if (pool === undefined)
    return [`there is no pool ${JSON.stringify(nodePool)} in scheduler.kubernetes.nodePools`]
  return pool.spot && preemptible !== true
    ? ['the nodes of this pool can be taken away at short notice: set `preemptible: true`']
    : []
}

function checkPrefix(
  environment: string | undefined,
  environments: Section['storage']['environments'],
): readonly string[] {
  if (environment === undefined) return []
  if (environments === undefined)
    return ['pods do not see it: give scheduler.kubernetes.storage.environments the volume that it is on']
  return isWithin(environment, environments.path)
    ? []
    : [`pods do not see it: their environments are below ${environments.path}`]
}

function checkPods(
  { kubernetes, memory }: Profile,
  { storage }: Section,
  path: Conflict['path'],
): readonly Conflict[] {
  if (kubernetes === undefined) return []
  const { sharedMemory, tolerations, volumes } = kubernetes
  const isTooMuch =
    sharedMemory !== undefined && memory !== undefined && parseByteSize(sharedMemory) > parseByteSize(memory)
  return [
    ...checkTolerations(tolerations, [...path, 'tolerations']),
    ...checkVolumes([...storage.volumes, ...volumes], path)
      .filter((conflict) => Number(conflict.path[path.length]) >= storage.volumes.length)
      .map((conflict) => moveBack(conflict, path, storage.volumes.length)),
    ...(isTooMuch
      ? [
          {
            path: [...path, 'sharedMemory'],
            message: `it counts as memory, of which the profile has ${memory}`,
          },
        ]
      : []),
  ]
}

/** Volumes of a profile were looked at behind those of all jobs: `at` is their place in the profile's own list. */
function moveBack({ path, message }: Conflict, base: Conflict['path'], by: number): Conflict {
  const [at, ...rest] = path.slice(base.length)
  return { path: [...base, 'volumes', Number(at) - by, ...rest], message }
}
