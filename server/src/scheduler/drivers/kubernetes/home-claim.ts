import { createHash } from 'node:crypto'

import type { V1Affinity, V1PersistentVolumeClaim, V1PodAffinityTerm } from '@kubernetes/client-node'

import type { JobOwner, JobSpec } from '#scheduler/job.ts'

import type { HomeClaimsConfig, JobVolumes, KubernetesSchedulerConfig } from './kubernetes-config.ts'
import { buildOwnerLabel, labels } from './pod-names.ts'

type Config = Pick<KubernetesSchedulerConfig, 'instance' | 'homeClaims'>

const volumeName = 'home'
const plainLogin = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/

/** Which claim holds a home: no two logins have one in common. The login stays when its user is renamed. */
export function buildClaimName({ instance }: Pick<Config, 'instance'>, login: string): string {
  if (plainLogin.test(login)) return `${instance}-home-n-${login}`
  return `${instance}-home-h-${createHash('sha256').update(login).digest('hex').slice(0, 32)}`
}

/** Absent: this job does without. */
export function findHomeClaims(
  { homeClaims }: Config,
  { kind }: Pick<JobSpec, 'kind'>,
): HomeClaimsConfig | undefined {
  if (homeClaims === undefined || homeClaims.accessModes.includes('ReadWriteMany')) return homeClaims
  // They may be on any node, where such a volume cannot be; and they work on what their scheduler sends.
  return kind === 'dask-worker' ? undefined : homeClaims
}

export function buildHomeClaim(
  { instance }: Pick<Config, 'instance'>,
  { storageClass, sizeBytes, accessModes }: HomeClaimsConfig,
  { name, login, homeBytes }: JobOwner,
): V1PersistentVolumeClaim {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: buildClaimName({ instance }, login),
      labels: {
        [labels.managedBy]: 'atrium',
        [labels.instance]: instance,
        [labels.owner]: buildOwnerLabel(name),
        [labels.home]: 'claim',
      },
    },
    spec: {
      accessModes: [...accessModes],
      ...(storageClass === undefined ? {} : { storageClassName: storageClass }),
      resources: { requests: { storage: String(homeBytes ?? sizeBytes) } },
    },
  }
}

/** The home in a job's pod, where homes have claims: its owner's volume, or an empty folder that goes with the pod. */
export function buildHomeVolume(config: Config, spec: JobSpec): JobVolumes {
  if (config.homeClaims === undefined) return { volumes: [], mounts: [] }
  const { login, home } = spec.owner
  const claimName = buildClaimName(config, login)
  const source =
    findHomeClaims(config, spec) === undefined ? { emptyDir: {} } : { persistentVolumeClaim: { claimName } }
  return {
    volumes: [{ name: volumeName, ...source }],
    mounts: [{ name: volumeName, mountPath: home }],
  }
}

/** What a pod is known by that has its owner's claim. */
export function buildHomeLabels(config: Config, spec: JobSpec): Record<string, string> {
  return findHomeClaims(config, spec) === undefined ? {} : { [labels.home]: 'claim' }
}

/** The kubelet gives the volume to the owner's group, whoever made it. */
export function buildHomeIdentity(config: Config, spec: JobSpec) {
  const { gid } = spec.owner
  if (findHomeClaims(config, spec)?.fsGroup !== true || gid === undefined) return {}
  return { fsGroup: gid, fsGroupChangePolicy: 'OnRootMismatch' }
}

/** A volume that one node can have at a time draws all of its owner's pods to that node. */
export function addNeighbours(
  config: Config,
  spec: JobSpec,
  affinity: V1Affinity = {},
): V1Affinity | undefined {
  const claims = findHomeClaims(config, spec)
  const isFree = claims === undefined || claims.accessModes.includes('ReadWriteMany')
  if (isFree) return Object.keys(affinity).length === 0 ? undefined : affinity
  const term: V1PodAffinityTerm = {
    topologyKey: 'kubernetes.io/hostname',
    labelSelector: {
      matchLabels: {
        [labels.instance]: config.instance,
        [labels.owner]: buildOwnerLabel(spec.owner.name),
        [labels.home]: 'claim',
      },
    },
  }
  const { podAffinity } = affinity
  const required = [...(podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []), term]
  return {
    ...affinity,
    podAffinity: { ...podAffinity, requiredDuringSchedulingIgnoredDuringExecution: required },
  }
}
