import type { V1Toleration, V1Volume, V1VolumeMount } from '@kubernetes/client-node'

import type { JobSpec } from '#scheduler/job.ts'

/** How the driver runs jobs as pods. */
export interface KubernetesSchedulerConfig {
  /** A kubeconfig file; absent: the service account of the pod that the control plane runs in. */
  kubeconfig?: string
  /** Of the kubeconfig. Default: its current one. */
  context?: string
  /** Where pods of users are made. */
  namespace: string
  /** Tells platforms apart that share a namespace; part of a label: lower-case letters, digits and `-`. */
  instance: string
  /** Image of jobs that name none; absent: every job has to. It has a Python of 3.9 or newer, which starts the job's program. */
  image?: string
  imagePullPolicy?: 'Always' | 'IfNotPresent' | 'Never'
  /** Names of secrets. */
  imagePullSecrets?: readonly string[]
  /** That Python, within the image. */
  python: string
  /** Whose name pods have; its token is never theirs. Absent: the namespace's default. */
  serviceAccount?: string
  /** Which resource `JobResources.gpu` counts unless a job says. Default `nvidia.com/gpu`. */
  gpuResource?: string
  /** False: programs may write to their image, unless a job says. */
  readOnlyRoot?: boolean
  /** Shares of limits that are requests, unless a job says. Default 1. */
  reserved?: { cpu?: number; memory?: number }
  /** Names of PriorityClasses. */
  priorityClasses?: { server?: string; batch?: string; preemptible?: string; placeholder?: string }
  /** Images that nodes have before a job needs them. */
  prePull?: readonly PulledImage[]
  /** Where jobs of a pool run, by the pool's name. Jobs without one run anywhere. */
  nodePools?: Readonly<Record<string, NodePoolPlace>>
  /** Contents of files that every job finds in `filesFolder`, by their paths below it. Together much less than 1 MB. */
  files?: Readonly<Record<string, string>>
  /** Folders that a job sees beside its image: homes, environments. */
  volumesOf(spec: JobSpec): JobVolumes
  /**
   * Makes what the job's volumes need before its pod. Throws `scheduler_unavailable` or `storage_full` when that is to be tried again later,
   * another `PlatformError` when it will never do.
   */
  prepare?(spec: JobSpec): Promise<void>
  /** A secret of the platform, the same on all of its replicas and after a restart: tokens of the pods' doors are derived from it. */
  doorKey: string
  /** Who reaches whom; absent: the driver makes no policies. */
  networkPolicy?: NetworkPolicyConfig
  /** A claim for each home. Absent: `volumesOf` has homes among the rest. */
  homeClaims?: HomeClaimsConfig
  /** How long an image that cannot be had is waited for. Default 10 minutes. */
  imagePatienceMs?: number
  /** How long pods of a job of several wait for those without a node, before they are given back. Default 5 minutes. */
  gangPatienceMs?: number
  /** How long one call to the API server may take. */
  callTimeoutMs: number
}

export interface NetworkPolicyConfig {
  /** Where the platform's connections to pods come from: its addresses, or its own pods by namespace and labels. */
  controlPlane: {
    cidrs: readonly string[]
    namespace?: string
    podSelector: Readonly<Record<string, string>>
  }
  /** Addresses that pods do not reach. */
  egressExcept: readonly string[]
  /** How long a policy stays whose owner has no pods any more. Default a minute. */
  lingerMs?: number
}

/** How homes' claims are made. */
export interface HomeClaimsConfig {
  /** Absent: the cluster's default. */
  storageClass?: string
  /** Of owners without a size of their own. */
  sizeBytes: number
  accessModes: readonly ('ReadWriteOnce' | 'ReadWriteOncePod' | 'ReadWriteMany')[]
  /** The kubelet is to give volumes to their owner's group. */
  fsGroup: boolean
}

export interface PulledImage {
  image: string
  /** Only for nodes of this pool. */
  nodePool?: string
}

export interface JobVolumes {
  volumes: readonly V1Volume[]
  mounts: readonly V1VolumeMount[]
}

/** How the nodes of a pool are known, and what keeps others' pods away from them. */
export interface NodePoolPlace {
  nodeSelector: Readonly<Record<string, string>>
  tolerations?: readonly V1Toleration[]
  /** How many nodes it has; nothing adds or removes any. */
  nodes?: number
  /** An autoscaler adds and removes nodes between these. */
  minimum?: number
  maximum?: number
  /** One node, as what pods can have of it: for what could be added while there is none. */
  machine?: PoolMachine
  /** Its nodes can be taken away at short notice: for preemptible jobs alone. */
  spot?: boolean
  /** Seats kept warm. */
  placeholders?: Placeholders
}

export interface PoolMachine {
  cpu: number
  memoryBytes: number
  gpu: number
}

export interface Placeholders {
  count: number
  /** Cores of one. */
  cpu: number
  memoryBytes: number
}
