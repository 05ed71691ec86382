import type { Conflict } from './combinations.ts'
import { checkNetworkPolicy } from './kubernetes-network-combinations.ts'
import { checkKubernetesPools } from './kubernetes-pool-combinations.ts'
import { checkKubernetesProfiles } from './kubernetes-profile-combinations.ts'
import { checkVolumes } from './kubernetes-volume-combinations.ts'
import { isLoopbackUrl } from './loopback.ts'
import { isWithin } from './path-checks.ts'
import type { Config } from './schema.ts'

const section = ['scheduler', 'kubernetes'] as const

/** What the schema cannot say of Kubernetes: what belongs together, and what only can be with something else. */
export function checkKubernetes(config: Config): readonly Conflict[] {
  const { driver, kubernetes } = config.scheduler
  if (driver !== 'kubernetes') return []
  return [
    ...checkReach(config),
    ...checkContext(kubernetes),
    ...checkNetworkPolicy(kubernetes),
    ...checkImages(config),
    ...checkStorage(kubernetes.storage),
    ...checkEnvironment(config),
    ...checkVolumes(kubernetes.storage.volumes, [...section, 'storage', 'volumes']),
    ...checkKubernetesPools(kubernetes.nodePools),
    ...checkSeats(kubernetes),
    ...checkKubernetesProfiles(config),
  ]
}

function checkReach({ scheduler: { kubernetes }, edge }: Config): readonly Conflict[] {
  const at = (path: Conflict['path'], url: string | undefined) =>
    url === undefined || !isLoopbackUrl(url)
      ? []
      : [
          {
            path,
            message: `pods cannot reach ${url}: give scheduler.kubernetes.hubUrl an address that they do`,
          },
        ]
  return [
    ...at([...section, 'hubUrl'], kubernetes.hubUrl),
    ...(kubernetes.hubUrl === undefined ? at(['edge', 'publicUrl'], edge.publicUrl) : []),
  ]
}

function checkContext({ kubeconfig, context }: Config['scheduler']['kubernetes']): readonly Conflict[] {
  return context !== undefined && kubeconfig === undefined
    ? [{ path: [...section, 'context'], message: 'it is of a kubeconfig: give one' }]
    : []
}

/** Every job has an image: its profile's, or this section's. */
function checkImages({ scheduler: { kubernetes }, profiles }: Config): readonly Conflict[] {
  if (kubernetes.image !== undefined) return []
  const without = profiles.find(({ image }) => image === undefined)
  if (profiles.length > 0 && without === undefined) return []
  const whose =
    without === undefined ? 'there are no profiles that bring one' : `the profile ${without.name} brings none`
  return [{ path: [...section, 'image'], message: `give the image of jobs: ${whose}` }]
}

/** Seats are pods, too: of an image, and of a priority that gives way. */
function checkSeats({
  nodePools,
  priorityClasses,
  image,
}: Config['scheduler']['kubernetes']): readonly Conflict[] {
  if (!nodePools.some(({ placeholders }) => (placeholders?.count ?? 0) > 0)) return []
  return [
    ...(priorityClasses.placeholder === undefined
      ? [
          {
            path: [...section, 'priorityClasses', 'placeholder'],
            message: 'seats kept warm need one below all others, or no job would take their place',
          },
        ]
      : []),
    ...(image === undefined ? [{ path: [...section, 'image'], message: 'seats kept warm run it' }] : []),
  ]
}

function checkStorage({ root, homes }: Config['scheduler']['kubernetes']['storage']): readonly Conflict[] {
  const path = [...section, 'storage', 'root']
  if (root === undefined) {
    return homes.claimPerUser === undefined
      ? [{ path, message: 'give root.claim, or homes.claimPerUser: homes would be gone with their pods' }]
      : []
  }
  if (root.folder === undefined && root.keeper === undefined)
    return [{ path, message: 'give root.folder or root.keeper: somebody has to make homes there' }]
  if (root.folder !== undefined && root.keeper !== undefined)
    return [{ path: [...path, 'keeper'], message: 'give root.folder or root.keeper, not both' }]
  return homes.claimPerUser?.fsGroup && !root.keepsOwners
    ? [
        {
          path: [...path, 'keepsOwners'],
          message:
            'with homes.claimPerUser.fsGroup the kubelet may give all of this volume to one group: say `keepsOwners: true` once you know that it does not, or leave root out',
        },
      ]
    : []
}

function checkEnvironment({ environment, scheduler: { kubernetes } }: Config): readonly Conflict[] {
  const { environments } = kubernetes.storage
  if (environment.prefix === undefined) return []
  if (environments !== undefined && isWithin(environment.prefix, environments.path)) return []
  return [
    {
      path: ['environment', 'prefix'],
      message:
        environments === undefined
          ? 'pods do not see it: give scheduler.kubernetes.storage.environments the volume that it is on, or leave it out where images bring their own'
          : `pods do not see it: their environments are below ${environments.path}`,
    },
  ]
}
