import { createHash } from 'node:crypto'

import type { V1Pod } from '@kubernetes/client-node'

import { buildIdleContainer, idleIdentity } from './idle-container.ts'
import type { KubernetesSchedulerConfig, NodePoolPlace } from './kubernetes-config.ts'
import { hasPodEnded } from './observe-pod.ts'
import { annotations, buildPlatformLabel, labels, podNameOf } from './pod-names.ts'

export interface PodPlan {
  create: readonly V1Pod[]
  /** Names. */
  remove: readonly string[]
}

/**
 * Seats that are missing, and those nobody wants any more. A seat is a pod that does nothing, of the lowest priority: whichever job comes
 * takes its place at once, and the seat, which is made anew, has the autoscaler bring the next node.
 */
export function planSeats(config: KubernetesSchedulerConfig, pods: Iterable<V1Pod>): PodPlan {
  const wanted = new Map(buildSeats(config).map((seat) => [seat.metadata?.name ?? '', seat]))
  const remove: string[] = []
  const platform = buildPlatformLabel(config.doorKey)
  for (const pod of pods) {
    const name = pod.metadata?.name ?? ''
    const { [labels.seat]: mark, [labels.platform]: owner } = pod.metadata?.labels ?? {}
    if (mark === undefined || owner !== platform) continue
    const seat = wanted.get(name)
    // What is on its way out has to be gone before there can be another by its name.
    wanted.delete(name)
    const isLeaving = pod.metadata?.deletionTimestamp !== undefined
    if (!isLeaving && (hasPodEnded(pod) || readShape(pod) !== readShape(seat))) remove.push(name)
  }
  return { create: [...wanted.values()], remove }
}

/** How many of a pool's seats there are to be, and how many have a node. */
export function countSeats(
  pool: string,
  { placeholders }: NodePoolPlace,
  pods: Iterable<V1Pod>,
): { wanted: number; ready: number } | undefined {
  if (placeholders === undefined) return undefined
  const label = buildPoolLabel(pool)
  const ready = [...pods].filter(
    ({ metadata, status }) => metadata?.labels?.[labels.seat] === label && status?.phase === 'Running',
  )
  return { wanted: placeholders.count, ready: ready.length }
}

function buildSeats(config: KubernetesSchedulerConfig): V1Pod[] {
  return Object.entries(config.nodePools ?? {}).flatMap(([name, pool]) =>
    Array.from({ length: pool.placeholders?.count ?? 0 }, (_, index) => buildSeat(config, name, pool, index)),
  )
}

function buildSeat(
  config: KubernetesSchedulerConfig,
  poolName: string,
  { nodeSelector, tolerations = [], placeholders }: NodePoolPlace,
  index: number,
): V1Pod {
  const { instance, image = '', priorityClasses, imagePullSecrets = [] } = config
  const platform = buildPlatformLabel(config.doorKey)
  const amounts = { cpu: String(placeholders?.cpu ?? 0), memory: String(placeholders?.memoryBytes ?? 0) }
  const label = buildPoolLabel(poolName)
  const spec: V1Pod['spec'] = {
    ...idleIdentity,
    restartPolicy: 'Always',
    // Nothing is lost with it.
    terminationGracePeriodSeconds: 0,
    nodeSelector: { ...nodeSelector },
    tolerations: [...tolerations],
    ...(priorityClasses?.placeholder === undefined ? {} : { priorityClassName: priorityClasses.placeholder }),
    ...(imagePullSecrets.length === 0
      ? {}
      : { imagePullSecrets: imagePullSecrets.map((name) => ({ name })) }),
    containers: [
      {
        ...buildIdleContainer(config, 'seat', image, 'import signal; signal.pause()'),
        resources: { requests: amounts, limits: amounts },
      },
    ],
  }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: podNameOf(`seat-${platform}-${label}-${index}`),
      labels: {
        [labels.managedBy]: 'atrium',
        [labels.instance]: instance,
        [labels.platform]: platform,
        [labels.seat]: label,
      },
      annotations: {
        [annotations.shape]: digest(spec),
        // The autoscaler may move it to another node to save one.
        'cluster-autoscaler.kubernetes.io/safe-to-evict': 'true',
      },
    },
    spec,
  }
}

/** Names of pools are labels as Kubernetes has them already; what is not is known by its digest. */
export function buildPoolLabel(name: string): string {
  return /^[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?$/.test(name) ? name : digest(name)
}

function readShape(pod: V1Pod | undefined): string | undefined {
  return pod?.metadata?.annotations?.[annotations.shape]
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16)
}
