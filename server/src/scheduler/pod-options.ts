/**
 * How a job becomes a pod. Plain data: it is stored with the job. Drivers without pods take no notice.
 */
export interface PodOptions {
  /** Labels that nodes must have. */
  nodeSelector?: Readonly<Record<string, string>>
  tolerations?: readonly PodToleration[]
  /** As Kubernetes' API has it; nothing of ours looks into it. */
  affinity?: Readonly<Record<string, unknown>>
  /** Which resource `JobResources.gpu` counts: `nvidia.com/gpu`. */
  gpuResource?: string
  runtimeClass?: string
  priorityClass?: string
  /** Size of /dev/shm; it counts as the job's memory. */
  sharedMemoryBytes?: number
  /** False: the program may write to the image. */
  readOnlyRoot?: boolean
  /** Shares of the limits, above 0 and up to 1, that the node keeps for this job alone. */
  reserved?: { cpu?: number; memory?: number }
  volumes?: readonly PodVolume[]
}

/** A taint that does not keep the pod away. */
export interface PodToleration {
  key?: string
  operator: 'Equal' | 'Exists'
  value?: string
  effect?: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute'
}

/** A folder that the job sees beside its image. */
export interface PodVolume {
  name: string
  source:
    | { claim: string }
    | { configMap: string }
    | { secret: string }
    | { emptyDir: { sizeBytes?: number; inMemory?: boolean } }
  mountPath: string
  subPath?: string
  readOnly?: boolean
}

/** Where a job runs, and in what. */
export interface PodPlace {
  /** Absent: the platform's own. */
  image?: string
  nodePool?: string
  pod?: PodOptions
}

/** Those of `place` that are said. */
export function pickPodPlace({
  image,
  nodePool,
  pod,
}: {
  [Key in keyof PodPlace]: PodPlace[Key] | undefined
}): PodPlace {
  return {
    ...(image === undefined ? {} : { image }),
    ...(nodePool === undefined ? {} : { nodePool }),
    ...(pod === undefined ? {} : { pod }),
  }
}
