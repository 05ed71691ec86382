import type { V1Pod } from '@kubernetes/client-node'

import type { JobHandle, Observation } from '#scheduler/job.ts'

import { createDoorWatch } from './door-watch.ts'
import type { KubernetesContext } from './kubernetes-scheduler.ts'
import { createLostPods } from './lost-pods.ts'
import { hasPodEnded, observeGone, observePod } from './observe-pod.ts'
import type { PodChange } from './pod-cache.ts'
import { createPodCare } from './pod-care.ts'
import type { DoorState } from './pod-door.ts'
import { annotations, buildOwnerLabel, buildPlatformLabel, labels } from './pod-names.ts'
import { createWaitWords } from './wait-words.ts'

/** What is seen of jobs: in their pods, through their doors, of their nodes, and what Kubernetes says of them. */
export interface PodSights {
  /** Throws `scheduler_unavailable` while pods cannot be seen. */
  observe(handle: JobHandle): Observation
  /** This platform's own pods that have not ended. Throws as `observe`. */
  listLive(): readonly V1Pod[]
  /** What the door of a running pod says, of one that lends itself to a job of several pods, too; undefined: nothing yet. */
  findState(pod: V1Pod): DoorState | undefined
  /** The file system of a user's home, as a running pod sees it that has its claim; undefined: none has told yet. */
  findHomeSpace(owner: string): DoorState['home']
  /** We delete it: its going is no news. */
  leave(name: string): void
  /** It was deleted. */
  forget(name: string): void
  close(): void
}

/** `tell` gets names of pods that may look otherwise now. */
export function createPodSights(
  context: KubernetesContext,
  tell: (names: readonly string[]) => void,
): PodSights {
  const { config, pods, nodes, news, doors, clock } = context
  const doorWatch = createDoorWatch(doors, { clock, onNews: (name) => tell([name]) })
  const words = createWaitWords(context)
  const care = createPodCare(context)
  const lost = createLostPods(context, tell)
  const platform = buildPlatformLabel(config.doorKey)
  /** What is deleted by others (a drain, a preemption, somebody's kubectl) is remembered until it is forgotten. */
  const gone = new Map<string, Observation>()
  /** Deleted by us, until the watch says so, too. */
  const left = new Set<string>()
  const note = ({ pod, gone: isGone }: PodChange) => {
    const name = pod.metadata?.name ?? ''
    const isJob = pod.metadata?.labels?.[labels.job] !== undefined
    if (isGone || hasPodEnded(pod)) doorWatch.forget(name)
    if (isGone) lost.forget(pod)
    if (!isGone) return care.look(pod)
    if (!left.delete(name) && isJob) gone.set(name, observeGone(pod))
    care.forget(name)
    news.forget(name)
  }
  pods.onChange((changes) => {
    for (const change of changes) note(change)
    tell(changes.map(({ pod }) => pod.metadata?.name ?? ''))
  })
  news.onChange((name) => {
    if (lacksLauncher(context, name)) context.launcher.renew()
    tell([name])
  })
  nodes.onSilence((node) => tell(listOnNode(pods.peek().values(), node)))

  return {
    observe({ ref }) {
      const pod = pods.all().get(ref)
      if (pod === undefined) return gone.get(ref) ?? { state: 'absent' }
      const sight = pod.status?.phase === 'Running' ? doorWatch.find(pod, readPorts(pod)) : {}
      const place = { isNodeSilent: nodes.isSilent(pod), isLost: lost.has(pod) }
      return words.explain(pod, observePod(pod, { ...sight, ...place }))
    },
    listLive() {
      return [...pods.all().values()].filter((pod) => {
        const isOver = hasPodEnded(pod) || lost.has(pod)
        return !isOver && pod.metadata?.labels?.[labels.platform] === platform
      })
    },
    findState: (pod) =>
      pod.status?.phase === 'Running' ? doorWatch.find(pod, readPorts(pod)).state : undefined,
    findHomeSpace(owner) {
      const label = buildOwnerLabel(owner)
      for (const pod of pods.peek().values()) {
        const { [labels.owner]: of, [labels.home]: home } = pod.metadata?.labels ?? {}
        if (of !== label || home === undefined || pod.status?.phase !== 'Running') continue
        const space = doorWatch.find(pod, readPorts(pod)).state?.home
        if (space !== undefined) return space
      }
      return undefined
    },
    leave(name) {
      if (pods.all().has(name)) left.add(name)
    },
    forget(name) {
      pods.drop(name)
      gone.delete(name)
      doorWatch.forget(name)
      care.forget(name)
    },
    close() {
      doorWatch.close()
      care.close()
      lost.close()
    },
  }
}

/** Its node waits for what every pod starts with: somebody has deleted it. */
function lacksLauncher({ news, pods, launcher }: KubernetesContext, name: string): boolean {
  const said = news.find(name, pods.peek().get(name)?.metadata?.uid).start?.message ?? ''
  return said.includes(launcher.name) && said.includes('not found')
}

function readPorts({ metadata }: V1Pod): Record<string, number> {
  try {
    return JSON.parse(metadata?.annotations?.[annotations.ports] ?? '{}') as Record<string, number>
  } catch {
    return {}
  }
}

function listOnNode(pods: Iterable<V1Pod>, node: string): string[] {
  return [...pods].filter(({ spec }) => spec?.nodeName === node).map(({ metadata }) => metadata?.name ?? '')
}
