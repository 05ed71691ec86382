import type { V1Node, V1NodeList, V1PersistentVolumeClaim } from '@kubernetes/client-node'

import type { Config } from '#config/schema.ts'
import { type KubeClient, KubeRefusal } from '#scheduler/drivers/kubernetes/kube-client.ts'
import type { KubernetesSchedulerConfig } from '#scheduler/drivers/kubernetes/kubernetes-config.ts'
import { hasLabels } from '#scheduler/drivers/kubernetes/node-pools.ts'

import { attempt, type Finding, ok, problem, warn } from './finding.ts'

type Section = Config['scheduler']['kubernetes']

/** What the look at the cluster stands on. */
export interface ClusterSight {
  client: KubeClient
  section: Section
  config: KubernetesSchedulerConfig
  signal: AbortSignal
}

/** Claims of the configuration: there, bound, and for many nodes where many nodes need them. */
export async function checkClaims({
  client,
  section,
  config,
  signal,
}: ClusterSight): Promise<readonly Finding[]> {
  const { root, environments, volumes } = section.storage
  const claims = new Set([
    ...(root === undefined ? [] : [root.claim]),
    ...(environments === undefined ? [] : [environments.claim]),
    ...volumes.flatMap(({ claim }) => claim ?? []),
  ])
  const found = [...claims].map((name) =>
    attempt('claims', 'Mend what is above first.', async () => {
      const path = `/api/v1/namespaces/${config.namespace}/persistentvolumeclaims/${name}`
      try {
        return [judgeClaim(name, await client.call<V1PersistentVolumeClaim>('GET', path, { signal }))]
      } catch (error) {
        if (!(error instanceof KubeRefusal && error.status === 404)) throw error
        const mend = `Make it there, with accessModes [ReadWriteMany]: docs/kubernetes.md, Storage.`
        return [problem('claims', `There is no claim ${name} in ${config.namespace}`, mend)]
      }
    }),
  )
  return (await Promise.all(found)).flat()
}

function judgeClaim(name: string, { spec, status }: V1PersistentVolumeClaim): Finding {
  const modes = status?.accessModes ?? spec?.accessModes ?? []
  const size = status?.capacity?.['storage'] ?? ''
  const isShared = modes.includes('ReadWriteMany') || modes.includes('ReadOnlyMany')
  if (status?.phase !== 'Bound') {
    const mend = `kubectl describe pvc ${name} says why. One that waits for its first consumer is bound by the first pod.`
    return warn('claims', `The claim ${name} is ${status?.phase ?? 'of no phase'}, not Bound`, mend)
  }
  if (isShared) return ok('claims', `${name}: ${size}, ${modes.join(', ')}`)
  const mend =
    'Pods of other nodes will wait for ever: make it of a class with ReadWriteMany (NFS, CephFS, EFS).'
  return warn('claims', `The claim ${name} is for one node (${modes.join(', ')})`, mend)
}

/** Nodes, the pools they are of, and images that are on none of them. */
export async function checkNodes(sight: ClusterSight): Promise<readonly Finding[]> {
  const { items } = await sight.client.call<V1NodeList>('GET', '/api/v1/nodes', { signal: sight.signal })
  const ready = items.filter(isReady)
  const text = `${ready.length} of ${items.length} are ready`
  const nodes =
    ready.length === 0
      ? warn('nodes', text, 'Jobs wait until there is one: kubectl get nodes says what is wrong.')
      : ok('nodes', text)
  return [nodes, ...checkPools(sight.section, sight.config, ready), ...checkImages(sight.section, items)]
}

function isReady({ spec, status }: V1Node): boolean {
  return (
    spec?.unschedulable !== true &&
    status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ===
      true
  )
}

function checkPools(
  { nodePools }: Section,
  { nodePools: places = {} }: KubernetesSchedulerConfig,
  ready: readonly V1Node[],
): readonly Finding[] {
  return nodePools.map(({ name, nodes, minimum = 0, maximum }) => {
    const selector = places[name]?.nodeSelector ?? {}
    const count = ready.filter(({ metadata }) => hasLabels(metadata?.labels ?? {}, selector)).length
    const check = `pool ${name}`.slice(0, 18)
    const labels = Object.entries(selector)
      .map(([key, value]) => `${key}=${value}`)
      .join(', ')
    const least = nodes ?? minimum
    const most = maximum === undefined ? '' : `, up to ${maximum}`
    if (count >= least && (count > 0 || maximum !== undefined))
      return ok(check, `${count} nodes ready${most}`)
    return warn(
      check,
      `${count} nodes ready with ${labels}; ${least} expected${most}`,
      'Look at the labels of its nodes: kubectl get nodes --show-labels.',
    )
  })
}

/** The kubelet names only the largest of its images, so that one not named may be there all the same. */
function checkImages({ image, prePull }: Section, nodes: readonly V1Node[]): readonly Finding[] {
  if (image === undefined) return []
  const withImage = nodes.filter(({ status }) =>
    status?.images?.some(({ names = [] }) =>
      names.some((name) => name === image || name.endsWith(`/${image}`)),
    ),
  )
  if (withImage.length > 0)
    return [ok('image', `${image} is on ${withImage.length} of ${nodes.length} nodes`)]
  const mend =
    'The first start on each node waits for it. Set scheduler.kubernetes.prePull.enabled to have it there before.'
  return [
    prePull.enabled
      ? ok('image', `${image} will be pulled ahead`)
      : warn('image', `${image} was seen on no node`, mend),
  ]
}
