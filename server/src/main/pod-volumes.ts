import { posix } from 'node:path'

import { PlatformError } from '@atrium/contract/errors.ts'

import type { Config } from '#config/schema.ts'
import { buildPodVolume, join } from '#scheduler/drivers/kubernetes/build-volumes.ts'
import type { JobVolumes } from '#scheduler/drivers/kubernetes/kubernetes-config.ts'
import type { JobSpec } from '#scheduler/job.ts'

import { buildPodVolume as readPodVolume } from './pod-options.ts'

type StorageSection = Config['scheduler']['kubernetes']['storage']

/** Where pods see homes and folders of groups. */
export const podFolders = { homes: '/home', groups: '/shared' } as const
const safeFolder = /^[a-z0-9_][a-z0-9_-]*$/

/** What every job of an owner sees beside its image: home, folders of groups, environments, and what the configuration adds. */
export function createJobVolumes(storage: StorageSection): (spec: JobSpec) => JobVolumes {
  const more = storage.volumes.map((volume, at) => buildPodVolume(readPodVolume(volume), `all-${at}`))
  const environments = buildEnvironments(storage.environments)
  return ({ owner }) => join([buildFolders(storage, owner), environments, ...more])
}

/** One volume, of which the owner's parts are mounted. */
function buildFolders(
  { root, homes }: StorageSection,
  { login, home, groups = [] }: JobSpec['owner'],
): JobVolumes {
  const isWanted = homes.claimPerUser === undefined || groups.length > 0
  if (root === undefined || !isWanted) return { volumes: [], mounts: [] }
  const name = 'root'
  return {
    volumes: [{ name, persistentVolumeClaim: { claimName: root.claim } }],
    mounts: [
      ...(homes.claimPerUser === undefined
        ? [{ name, mountPath: home, subPath: joinSafely('homes', login) }]
        : []),
      ...groups.map(({ folder }) => ({
        name,
        mountPath: posix.join(podFolders.groups, folder),
        subPath: joinSafely('groups', folder),
      })),
    ],
  }
}

function buildEnvironments(section: StorageSection['environments']): JobVolumes {
  if (section === undefined) return { volumes: [], mounts: [] }
  const { claim, subPath, path } = section
  return buildPodVolume(
    {
      ...{ name: 'environments', source: { claim }, mountPath: path, readOnly: true },
      ...(subPath === undefined ? {} : { subPath }),
    },
    'environments',
  )
}

function joinSafely(parent: string, folder: string): string {
  if (!safeFolder.test(folder)) throw new PlatformError('internal', { detail: { folder } })
  return `${parent}/${folder}`
}
