import type { Conflict } from './combinations.ts'
import { leadsOut } from './path-checks.ts'
import type { PodOptionsConfig, PodVolumeConfig } from './sections/kubernetes-pods.ts'

/** Places in pods that are ours. */
const ownPlaces = ['/run/atrium', '/home', '/shared', '/dev', '/proc', '/sys', '/tmp', '/var/tmp']
const sources = ['claim', 'configMap', 'secret', 'emptyDir'] as const

/** Volumes have one source each, and places of their own. */
export function checkVolumes(
  volumes: readonly PodVolumeConfig[],
  path: Conflict['path'],
): readonly Conflict[] {
  return volumes.flatMap((volume, at) => {
    const before = volumes.slice(0, at)
    const says = (key: string, message: string): Conflict => ({ path: [...path, at, key], message })
    const given = sources.filter((source) => volume[source] !== undefined)
    return [
      ...(given.length === 1
        ? []
        : [
            {
              path: [...path, at],
              message: `needs one of ${sources.map((each) => `\`${each}\``).join(', ')}`,
            },
          ]),
      ...(before.some(({ name }) => name === volume.name)
        ? [says('name', 'another volume has this name')]
        : []),
      ...(before.some(({ mountPath }) => mountPath === volume.mountPath)
        ? [says('mountPath', 'another volume is there')]
        : []),
      ...checkMountPath(volume.mountPath).map((message) => says('mountPath', message)),
      ...(leadsOut(volume.subPath ?? '') ? [says('subPath', 'it leads out of the volume')] : []),
    ]
  })
}

function checkMountPath(mountPath: string): readonly string[] {
  if (mountPath === '/' || leadsOut(mountPath) || mountPath.includes(':'))
    return ['this is no place for a volume']
  const own = ownPlaces.find(
    (place) => mountPath === place || (place !== '/home' && mountPath.startsWith(`${place}/`)),
  )
  return own === undefined ? [] : [`${own} is the platform's own`]
}

/** https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/ */
export function checkTolerations(
  tolerations: PodOptionsConfig['tolerations'],
  path: Conflict['path'],
): readonly Conflict[] {
  return tolerations.flatMap(({ key, operator, value }, at) => [
    ...(operator === 'Exists' && value !== undefined
      ? [{ path: [...path, at, 'value'], message: 'with operator Exists every value is meant' }]
      : []),
    ...(operator === 'Equal' && key === undefined
      ? [{ path: [...path, at], message: 'needs `key`, or operator Exists for every taint' }]
      : []),
  ])
}
