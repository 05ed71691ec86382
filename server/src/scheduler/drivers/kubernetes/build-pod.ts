import type { V1Pod, V1PodSpec } from '@kubernetes/client-node'

import { countPrograms } from '#scheduler/count-programs.ts'
import { buildSharedEnvironment, findUmask } from '#scheduler/group-access.ts'
import type { JobSpec } from '#scheduler/job.ts'

import { buildContainer } from './build-container.ts'
import { buildVolumes } from './build-volumes.ts'
import { addNeighbours, buildHomeIdentity, buildHomeLabels } from './home-claim.ts'
import type { KubernetesSchedulerConfig } from './kubernetes-config.ts'
import type { Launcher } from './launcher-source.ts'
import { doorPort } from './pod-door.ts'
import { annotations, buildOwnerLabel, buildPlatformLabel, labels, podNameOf } from './pod-names.ts'
import { buildEvictionWishes, buildPlacement } from './pod-placement.ts'

/** A pod has an address of its own: its ports are its own, too. The one before is the door's. */
const firstPort = doorPort + 1
/** What a node gives a pod to end when Kubernetes itself ends it: a drain, a preemption. */
const drainSeconds = 30

/** The port's number by its name. */
export function buildPorts({ ports }: JobSpec): Record<string, number> {
  return Object.fromEntries(ports.map((name, index) => [name, firstPort + index]))
}

/** What the first process of the pod reads: see `pod_job.py`. Secrets are in it. */
export function buildJobFile(spec: JobSpec, doorToken: string, shares?: readonly number[]): string {
  const { key, command, workingDirectory, owner } = spec
  const umask = findUmask(owner)
  return JSON.stringify({
    ...{ key, command, workingDirectory },
    environment: { ...spec.environment, ...buildSharedEnvironment(owner) },
    ...(umask === undefined ? {} : { umask }),
    ports: buildPorts(spec),
    home: owner.home,
    door: { port: doorPort, token: doorToken },
    ...(countPrograms(spec) === 1 ? {} : { tasks: spec.tasks, mpi: spec.mpi ?? 'none', shares }),
  })
}

/**
 * The pod of a job, as the strictest of the Pod Security Standards wants it (`restricted`): no root, no rights to gain, the runtime's own
 * system calls, and no token of a service account. Throws `bad_request` for a job without an image.
 */
export function buildPod(config: KubernetesSchedulerConfig, spec: JobSpec, launcher: Launcher): V1Pod {
  const name = podNameOf(spec.key)
  const { volumes, mounts } = buildVolumes(config, spec, { launcher, secret: name })
  const placement = buildPlacement(config, spec)
  const affinity = addNeighbours(config, spec, placement.affinity)
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      labels: { ...buildLabels(config, spec), ...buildHomeLabels(config, spec) },
      annotations: {
        [annotations.end]: '',
        [annotations.ports]: JSON.stringify(buildPorts(spec)),
        ...(spec.nodePool === undefined ? {} : { [annotations.pool]: spec.nodePool }),
        ...buildEvictionWishes(spec),
      },
    },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: drainSeconds,
      ...(spec.timeLimitMs === undefined
        ? {}
        : { activeDeadlineSeconds: Math.max(1, Math.ceil(spec.timeLimitMs / 1000)) }),
      ...placement,
      ...(affinity === undefined ? {} : { affinity }),
      ...buildClasses(config, spec),
      securityContext: { ...buildIdentity(spec), ...buildHomeIdentity(config, spec) },
      containers: [buildContainer(config, spec, { program: launcher.program, mounts })],
      volumes: [...volumes],
    },
  }
}

export function buildLabels(
  { instance, doorKey }: Pick<KubernetesSchedulerConfig, 'instance' | 'doorKey'>,
  { key, kind, owner }: JobSpec,
): Record<string, string> {
  return {
    [labels.managedBy]: 'atrium',
    [labels.instance]: instance,
    [labels.platform]: buildPlatformLabel(doorKey),
    [labels.job]: key,
    [labels.kind]: kind,
    [labels.owner]: buildOwnerLabel(owner.name),
  }
}

/** What the cluster's administrator keeps for it under a name. */
function buildClasses(
  { priorityClasses = {}, serviceAccount, imagePullSecrets = [] }: KubernetesSchedulerConfig,
  { kind, pod = {}, preemptible = false }: JobSpec,
): Partial<V1PodSpec> {
  const isWaitedFor = kind === 'server' || kind === 'dask-scheduler' || kind === 'app'
  const usual = isWaitedFor ? priorityClasses.server : priorityClasses.batch
  const priorityClass = pod.priorityClass ?? (preemptible ? (priorityClasses.preemptible ?? usual) : usual)
  return {
    ...(priorityClass === undefined ? {} : { priorityClassName: priorityClass }),
    ...(pod.runtimeClass === undefined ? {} : { runtimeClassName: pod.runtimeClass }),
    ...(serviceAccount === undefined ? {} : { serviceAccountName: serviceAccount }),
    ...(imagePullSecrets.length === 0
      ? {}
      : { imagePullSecrets: imagePullSecrets.map((name) => ({ name })) }),
  }
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
