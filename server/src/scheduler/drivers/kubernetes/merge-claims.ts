import type { V1Volume } from '@kubernetes/client-node'

import type { JobVolumes } from './kubernetes-config.ts'

/**
 * Every claim once, however many places show a part of it: of several volumes of a pod that are one claim the kubelet may mount a single one, and
 * waits for the others for ever. It also asks the API server for claim and volume of each, in each of a start's looks at the pod.
 */
export function mergeClaims({ volumes, mounts }: JobVolumes): JobVolumes {
  const writable = new Set(volumes.flatMap((volume) => (isReadOnly(volume) ? [] : findClaim(volume))))
  const nameOf = new Map<string, string>()
  const kept: V1Volume[] = []
  for (const volume of volumes) {
    const [claimName] = findClaim(volume)
    if (claimName === undefined) kept.push(volume)
    else if (!nameOf.has(claimName)) {
      nameOf.set(claimName, volume.name)
      const readOnly = writable.has(claimName) ? {} : { readOnly: true }
      kept.push({ ...volume, persistentVolumeClaim: { claimName, ...readOnly } })
    }
  }
  const byName = new Map(volumes.map((volume) => [volume.name, volume]))
  return {
    volumes: kept,
    mounts: mounts.map((mount) => {
      const volume = byName.get(mount.name)
      const [claimName = ''] = volume === undefined ? [] : findClaim(volume)
      const name = nameOf.get(claimName) ?? mount.name
      // Where the entry said so for all of its places, each of them says so now.
      return { ...mount, name, ...(volume !== undefined && isReadOnly(volume) ? { readOnly: true } : {}) }
    }),
  }
}

function findClaim({ persistentVolumeClaim: claim }: V1Volume): readonly string[] {
  return claim === undefined ? [] : [claim.claimName]
}

function isReadOnly({ persistentVolumeClaim: claim }: V1Volume): boolean {
  return claim?.readOnly === true
}
