import type { V1Container, V1Pod, V1ResourceRequirements } from '@kubernetes/client-node'

import type { JobSpec } from '#scheduler/job.ts'

import type { KubernetesSchedulerConfig } from './kubernetes-config.ts'
import { annotations, buildOwnerLabel, labels, podNameOf } from './pod-names.ts'

/** A pod has an address of its own: its ports are its own, too. */
const firstPort = 8000
const places = { job: '/run/atrium/job', orders: '/run/atrium/orders' } as const
/** What a node gives a pod to end when Kubernetes itself ends it: a drain, a preemption. */
const drainSeconds = 30

/** The port's number by its name. */
export function buildPorts({ ports }: JobSpec): Record<string, number> {
  return Object.fromEntries(ports.map((name, index) => [name, firstPort + index]))
}

/** What the first process of the pod reads: see `pod_job.py`. Secrets are in it. */
export function buildJobFile(spec: JobSpec): string {
  const { key, command, environment, workingDirectory } = spec
  return JSON.stringify({ key, command, environment, workingDirectory, ports: buildPorts(spec) })
}

/**
 * The pod of a job, as the strictest of the Pod Security Standards wants it (`restricted`): no root, no rights to gain, the runtime's own
 * system calls, and no token of a service account.
 */
export function buildPod(config: KubernetesSchedulerConfig, spec: JobSpec, launcher: string): V1Pod {
  const { volumes, mounts } = config.volumesOf(spec)
  const name = podNameOf(spec.key)
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      labels: buildLabels(config, spec),
      annotations: { [annotations.end]: '', [annotations.ports]: JSON.stringify(buildPorts(spec)) },
    },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: drainSeconds,
      ...(spec.timeLimitMs === undefined
        ? {}
        : { activeDeadlineSeconds: Math.max(1, Math.ceil(spec.timeLimitMs / 1000)) }),
      ...buildPlace(config, spec),
      securityContext: buildIdentity(spec),
      containers: [
        buildContainer(config, spec, [
          { name: 'job', mountPath: places.job, readOnly: true },
          { name: 'orders', mountPath: places.orders, readOnly: true },
          ...mounts,
        ]),
      ],
      volumes: [
        {
          name: 'job',
          projected: {
            // The user's alone: there is nobody else in the pod, and the group is the user's.
            defaultMode: 0o444,
            sources: [{ secret: { name } }, { configMap: { name: launcher } }],
          },
        },
        {
          name: 'orders',
          downwardAPI: {
            items: [{ path: 'end', fieldRef: { fieldPath: `metadata.annotations['${annotations.end}']` } }],
          },
        },
        ...volumes,
      ],
    },
  }
}

export function buildLabels(
  { instance }: Pick<KubernetesSchedulerConfig, 'instance'>,
  { key, kind, owner }: JobSpec,
): Record<string, string> {
  return {
    [labels.managedBy]: 'atrium',
    [labels.instance]: instance,
    [labels.job]: key,
    [labels.kind]: kind,
    [labels.owner]: buildOwnerLabel(owner.name),
  }
}

function buildPlace({ nodePools = {} }: KubernetesSchedulerConfig, { nodePool }: JobSpec) {
  const place =
    nodePool === undefined || !Object.hasOwn(nodePools, nodePool) ? undefined : nodePools[nodePool]
  if (place === undefined) return {}
  return { nodeSelector: { ...place.nodeSelector }, tolerations: [...(place.tolerations ?? [])] }
}

function buildIdentity({ owner }: JobSpec) {
  const { uid, gid, gids = [] } = owner
  return {
    runAsNonRoot: true,
    ...(uid === undefined ? {} : { runAsUser: uid }),
    ...(gid === undefined ? {} : { runAsGroup: gid }),
    supplementalGroups: [...gids],
    seccompProfile: { type: 'RuntimeDefault' },
  }
}

function buildContainer(
  config: KubernetesSchedulerConfig,
  spec: JobSpec,
  volumeMounts: NonNullable<V1Container['volumeMounts']>,
): V1Container {
  return {
    name: 'job',
    image: config.image,
    ...(config.imagePullPolicy === undefined ? {} : { imagePullPolicy: config.imagePullPolicy }),
    command: [config.python, '-I', '-S', `${places.job}/pod_job.py`, places.job, places.orders],
    resources: buildResources(spec),
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts,
  }
}

/** Limits are requests: what a person was promised is theirs, and the node is never promised twice. */
function buildResources({ resources, tasks }: JobSpec): V1ResourceRequirements {
  const amounts: Record<string, string> = {}
  if (resources.cpu !== undefined) amounts['cpu'] = `${Math.ceil(resources.cpu * tasks * 1000)}m`
  if (resources.memoryBytes !== undefined) amounts['memory'] = String(resources.memoryBytes * tasks)
  if (resources.gpu !== undefined && resources.gpu > 0)
    amounts['nvidia.com/gpu'] = String(resources.gpu * tasks)
  return { requests: amounts, limits: amounts }
}
