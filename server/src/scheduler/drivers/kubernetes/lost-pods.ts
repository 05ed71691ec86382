import type { V1Pod } from '@kubernetes/client-node'

import type { Clock } from '#platform/clock.ts'

import type { NodeCache } from './node-cache.ts'
import { hasPodEnded } from './observe-pod.ts'

/**
 * Pods that were deleted on a silent node, by Kubernetes five minutes after the node fell silent, or because their jobs were cancelled, and
 * have not ended in the time that they had for it. Should the node come back it ends such a pod, so that it never goes on; a node that is
 * only cut off may run it until then. (https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-garbage-collection)
 *
 * The time counts: nodes seem silent for some seconds when the API server was away, and end what they were told meanwhile.
 */
export interface LostPods {
  has(pod: V1Pod): boolean
  /** A pod that is gone. */
  forget(pod: V1Pod): void
  close(): void
}

/** `tell` gets names of pods whose time is over. */
export function createLostPods(
  { nodes, clock }: { nodes: Pick<NodeCache, 'isSilent'>; clock: Clock },
  tell: (names: readonly string[]) => void,
): LostPods {
  /** Until when each may end, by our own clock: the cluster's may be another. */
  const untilMs = new Map<string, number>()
  const ended = new AbortController()
  const giveTime = (pod: V1Pod, graceMs: number): number => {
    const until = clock.monotonic() + graceMs
    untilMs.set(uidOf(pod), until)
    const over = () => tell([pod.metadata?.name ?? ''])
    clock.sleep(graceMs, { signal: ended.signal }).then(over, () => {})
    return until
  }
  return {
    has(pod) {
      const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = pod.metadata ?? {}
      if (deletionTimestamp === undefined || hasPodEnded(pod) || !nodes.isSilent(pod)) return false
      const until = untilMs.get(uidOf(pod)) ?? giveTime(pod, deletionGracePeriodSeconds * 1000)
      return clock.monotonic() >= until
    },
    forget: (pod) => void untilMs.delete(uidOf(pod)),
    close: () => ended.abort(),
  }
}

function uidOf({ metadata }: V1Pod): string {
  return metadata?.uid ?? ''
}
