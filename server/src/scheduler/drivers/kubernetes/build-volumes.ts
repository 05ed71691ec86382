import type { V1Volume, V1VolumeMount } from '@kubernetes/client-node'

import type { JobSpec } from '#scheduler/job.ts'
import type { PodVolume } from '#scheduler/pod-options.ts'

import { buildHomeVolume } from './home-claim.ts'
import type { JobVolumes, KubernetesSchedulerConfig } from './kubernetes-config.ts'
import type { Launcher } from './launcher-source.ts'
import { mergeClaims } from './merge-claims.ts'
import { buildAccountMounts } from './pod-accounts.ts'
import { annotations } from './pod-names.ts'
import { places } from './pod-places.ts'

/** What programs write to though the image cannot be written to. */
const scratchFolders = ['/tmp', '/var/tmp']

/** Everything that a job sees beside its image. `launcher`: its first program; `secret`: where it finds the job. */
export function buildVolumes(
  config: KubernetesSchedulerConfig,
  spec: JobSpec,
  { launcher, secret }: { launcher: Launcher; secret: string },
): JobVolumes {
  const { pod = {} } = spec
  const parts = [
    buildOwn(spec, launcher, secret),
    ...(isRootReadOnly(config, spec) ? [buildScratch()] : []),
    ...(pod.sharedMemoryBytes === undefined ? [] : [buildSharedMemory(pod.sharedMemoryBytes)]),
    buildHomeVolume(config, spec),
    config.volumesOf(spec),
    ...(pod.volumes ?? []).map((volume, at) => buildPodVolume(volume, `more-${at}`)),
  ]
  return mergeClaims(join(parts))
}

/** Whether programs can write to their image. */
export function isRootReadOnly(
  { readOnlyRoot = true }: KubernetesSchedulerConfig,
  { pod }: JobSpec,
): boolean {
  return pod?.readOnlyRoot ?? readOnlyRoot
}

/** A volume that a configuration names, under a name of its own in the pod. */
export function buildPodVolume(
  { source, mountPath, subPath, readOnly }: PodVolume,
  name: string,
): JobVolumes {
  return {
    volumes: [{ name, ...buildSource(source, readOnly) }],
    mounts: [
      {
        name,
        mountPath,
        ...(subPath === undefined ? {} : { subPath }),
        ...(readOnly ? { readOnly } : {}),
      },
    ],
  }
}

/** One after another. */
export function join(parts: readonly JobVolumes[]): JobVolumes {
  return {
    volumes: parts.flatMap(({ volumes }) => volumes),
    mounts: parts.flatMap(({ mounts }) => mounts),
  }
}

function buildSource(source: PodVolume['source'], readOnly = false): Omit<V1Volume, 'name'> {
  if ('claim' in source)
    return { persistentVolumeClaim: { claimName: source.claim, ...(readOnly ? { readOnly } : {}) } }
  if ('configMap' in source) return { configMap: { name: source.configMap } }
  if ('secret' in source) return { secret: { secretName: source.secret } }
  const { sizeBytes, inMemory } = source.emptyDir
  return {
    emptyDir: {
      ...(inMemory ? { medium: 'Memory' } : {}),
      ...(sizeBytes === undefined ? {} : { sizeLimit: String(sizeBytes) }),
    },
  }
}

function buildOwn(spec: JobSpec, launcher: Launcher, secret: string): JobVolumes {
  const volumes: V1Volume[] = [
    {
      name: 'job',
      projected: {
        // The user's alone: there is nobody else in the pod, and the group is the user's.
        defaultMode: 0o444,
        sources: [
          { secret: { name: secret } },
          { configMap: { name: launcher.name, items: [...launcher.items] } },
        ],
      },
    },
    {
      name: 'orders',
      downwardAPI: {
        items: [{ path: 'end', fieldRef: { fieldPath: `metadata.annotations['${annotations.end}']` } }],
      },
    },
  ]
  const mounts: V1VolumeMount[] = [
    { name: 'job', mountPath: places.job, readOnly: true },
    { name: 'orders', mountPath: places.orders, readOnly: true },
    ...buildAccountMounts(spec, 'job'),
  ]
  return { volumes, mounts }
}

function buildScratch(): JobVolumes {
  return join(
    scratchFolders.map((mountPath, at) =>
      buildPodVolume({ name: '', source: { emptyDir: {} }, mountPath }, `scratch-${at}`),
    ),
  )
}

/** What is in it counts as the container's memory, so its limit holds for both. */
function buildSharedMemory(sizeBytes: number): JobVolumes {
  const source = { emptyDir: { sizeBytes, inMemory: true } }
  return buildPodVolume({ name: '', source, mountPath: '/dev/shm' }, 'shared-memory')
}
