import { PlatformError } from '@atrium/contract/errors.ts'
import type { V1Container, V1ResourceRequirements } from '@kubernetes/client-node'

import type { JobSpec } from '#scheduler/job.ts'

import { isRootReadOnly } from './build-volumes.ts'
import type { JobVolumes, KubernetesSchedulerConfig } from './kubernetes-config.ts'
import { places } from './pod-places.ts'

const usualGpuResource = 'nvidia.com/gpu'

/** The one container of a job's pod. Throws `bad_request` for a job without an image. */
export function buildContainer(
  config: KubernetesSchedulerConfig,
  spec: JobSpec,
  { program, mounts }: { program: string; mounts: JobVolumes['mounts'] },
): V1Container {
  return {
    name: 'job',
    image: findImage(config, spec),
    ...(config.imagePullPolicy === undefined ? {} : { imagePullPolicy: config.imagePullPolicy }),
    command: [config.python, '-I', '-S', `${places.job}/${program}`, places.job, places.orders],
    resources: buildResources(config, spec),
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      readOnlyRootFilesystem: isRootReadOnly(config, spec),
    },
    volumeMounts: [...mounts],
  }
}

function findImage(config: KubernetesSchedulerConfig, { image = config.image }: JobSpec): string {
  if (image === undefined)
    throw new PlatformError('bad_request', {
      message: 'This job has no image: its profile names none, and neither does the configuration.',
    })
  return image
}

/** What a person was promised are limits; requests are the share of it that is kept for them. Of GPUs Kubernetes keeps all or none. */
function buildResources(
  config: KubernetesSchedulerConfig,
  { resources, tasks, pod = {} }: JobSpec,
): V1ResourceRequirements {
  const reserved = { cpu: 1, memory: 1, ...config.reserved, ...pod.reserved }
  const { cpu, memoryBytes, gpu = 0 } = resources
  const build = (share: { cpu: number; memory: number }): Record<string, string> => ({
    ...(cpu === undefined ? {} : { cpu: `${Math.max(1, Math.ceil(cpu * tasks * share.cpu * 1000))}m` }),
    ...(memoryBytes === undefined ? {} : { memory: String(Math.ceil(memoryBytes * tasks * share.memory)) }),
    ...(gpu === 0 ? {} : { [findGpuResource(config, pod)]: String(gpu * tasks) }),
  })
  return { requests: build(reserved), limits: build({ cpu: 1, memory: 1 }) }
}

function findGpuResource(
  { gpuResource = usualGpuResource }: KubernetesSchedulerConfig,
  pod: NonNullable<JobSpec['pod']>,
): string {
  return pod.gpuResource ?? gpuResource
}
