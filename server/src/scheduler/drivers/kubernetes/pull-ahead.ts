import { createHash } from 'node:crypto'

import type { V1Node, V1Pod } from '@kubernetes/client-node'

import { buildIdleContainer, idleIdentity } from './idle-container.ts'
import type { KubernetesSchedulerConfig, PulledImage } from './kubernetes-config.ts'
import { findPool, type NodePools, readNodeState, runsJobs } from './node-pools.ts'
import { hasPodEnded } from './observe-pod.ts'
import { buildPlatformLabel, labels, podNameOf } from './pod-names.ts'
import type { PodPlan } from './warm-seats.ts'

/** A registry is not asked by all nodes at once. */
const mostAtOnce = 10
/** A node that was full is tried again after this. */
const retryMs = 60_000

/**
 * What is to be done so that each node that may run jobs has their images: on each a pod of one container for each image, put there by name,
 * which ends at once. The ended pod stays as the mark that this node has them, until other images are wanted or the node goes.
 */
export function planPulls(
  config: KubernetesSchedulerConfig,
  nodes: Iterable<V1Node>,
  pods: Iterable<V1Pod>,
  nowMs: number,
): PodPlan {
  const wanted = new Map(buildPulls(config, nodes).map((pull) => [pull.metadata?.name ?? '', pull]))
  const remove: string[] = []
  const platform = buildPlatformLabel(config.doorKey)
  let underWay = 0
  for (const pod of pods) {
    const name = pod.metadata?.name ?? ''
    const { [labels.pull]: mark, [labels.platform]: owner } = pod.metadata?.labels ?? {}
    if (mark === undefined || owner !== platform) continue
    const isWanted = wanted.delete(name)
    if (pod.metadata?.deletionTimestamp !== undefined) continue
    if (!isWanted || isRetryDue(pod, nowMs)) remove.push(name)
    else if (!hasPodEnded(pod)) underWay += 1
  }
  return { create: [...wanted.values()].slice(0, Math.max(0, mostAtOnce - underWay)), remove }
}

/** How far it is, in sentences; none when nothing is pulled ahead. */
export function describePulls(
  config: KubernetesSchedulerConfig,
  nodes: Iterable<V1Node>,
  pods: Iterable<V1Pod>,
): readonly string[] {
  const names = new Set(buildPulls(config, nodes).map(({ metadata }) => metadata?.name ?? ''))
  if (names.size === 0) return []
  const found = [...pods].filter(({ metadata }) => names.has(metadata?.name ?? ''))
  const done = found.filter((pod) => hasPodEnded(pod) && !wasTurnedAway(pod)).length
  const sum =
    done === names.size
      ? `All ${names.size} nodes have the images of jobs.`
      : `Images of jobs are being pulled ahead: ${done} of ${names.size} nodes have them.`
  return [sum, ...new Set(found.flatMap(describeTroubles))]
}

function describeTroubles({ status }: V1Pod): string[] {
  return (status?.containerStatuses ?? []).flatMap(({ image, state }) => {
    const { reason = '', message = '' } = state?.waiting ?? {}
    return /^(ErrImage|ImagePull|InvalidImageName|ImageInspect|Registry)/.test(reason)
      ? [`The image ${image} cannot be pulled ahead: ${message.slice(0, 300) || reason}`]
      : []
  })
}

function buildPulls(config: KubernetesSchedulerConfig, nodes: Iterable<V1Node>): V1Pod[] {
  const { prePull = [], nodePools = {} } = config
  if (prePull.length === 0) return []
  return [...nodes].flatMap((node) => {
    const images = listImages(node, prePull, nodePools)
    return images.length === 0 ? [] : [buildPull(config, node.metadata?.name ?? '', images)]
  })
}

/** Of a pool's own images only its nodes; all others for nodes of pools, and for those that any job may run on. */
function listImages(node: V1Node, images: readonly PulledImage[], pools: NodePools): string[] {
  if (readNodeState(node) !== 'up' || !runsJobs(node, pools)) return []
  const pool = findPool(node, pools)
  const isTainted = node.spec?.taints?.some(({ effect }) => effect !== 'PreferNoSchedule') === true
  if (isTainted && !Object.hasOwn(pools, pool)) return []
  const found = images.filter(({ nodePool }) => nodePool === undefined || nodePool === pool)
  return [...new Set(found.map(({ image }) => image))].toSorted()
}

function buildPull(config: KubernetesSchedulerConfig, nodeName: string, images: readonly string[]): V1Pod {
  const { instance, imagePullSecrets = [] } = config
  const platform = buildPlatformLabel(config.doorKey)
  const node = digest(nodeName)
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: podNameOf(`pull-${platform}-${node}-${digest(images)}`),
      labels: {
        [labels.managedBy]: 'atrium',
        [labels.instance]: instance,
        [labels.platform]: platform,
        [labels.pull]: node,
      },
      annotations: { 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'true' },
    },
    spec: {
      ...idleIdentity,
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 0,
      nodeName,
      tolerations: [{ operator: 'Exists' }],
      ...(imagePullSecrets.length === 0
        ? {}
        : { imagePullSecrets: imagePullSecrets.map((name) => ({ name })) }),
      containers: images.map((image, index) => ({
        ...buildIdleContainer(config, `image-${index}`, image, 'pass'),
        // A full node has room for it, too.
        resources: { requests: { cpu: '0', memory: '0' }, limits: { cpu: '1', memory: '256Mi' } },
      })),
    },
  }
}

/** The kubelet did not take it: the images are not there. What ended in any other way had started. */
function wasTurnedAway({ status }: V1Pod): boolean {
  return (
    status?.phase === 'Failed' && (status.containerStatuses ?? []).every(({ state }) => !state?.terminated)
  )
}

function isRetryDue(pod: V1Pod, nowMs: number): boolean {
  const age = nowMs - new Date(pod.metadata?.creationTimestamp ?? 0).getTime()
  return wasTurnedAway(pod) && age > retryMs
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 12)
}
