import type { V1Pod } from '@kubernetes/client-node'

import type { JobExit } from '#scheduler/job.ts'

/** https://kubernetes.io/docs/concepts/architecture/nodes/#node-status: the node controller says so of the pods, too. */
export function isNodeSilent({ status }: V1Pod): boolean {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')
  return ready?.reason === 'NodeNotReady' || status?.reason === 'NodeLost'
}

/**
 * Why a pod was ended though its job was not over; undefined when nobody says so.
 * https://kubernetes.io/docs/concepts/workloads/pods/disruptions/#pod-disruption-conditions
 */
export function describeDisruption(pod: V1Pod): JobExit | undefined {
  const target = findTarget(pod)
  if (target === undefined) return undefined
  const preempted = (message: string): JobExit => ({ state: 'preempted', reason: 'preempted', message })
  switch (target.reason) {
    case 'PreemptionByScheduler':
      return preempted('A more important job took its place.')
    case 'EvictionByEvictionAPI':
      return preempted('Its node was emptied, by an administrator or by what adds and removes nodes.')
    case 'DeletionByTaintManager':
      return isNodeSilent(pod)
        ? lost('Its node was lost.')
        : preempted('Its node was closed to what ran there.')
    case 'DeletionByPodGC':
      return lost('Its node was removed.')
    case 'TerminationByKubelet':
      return preempted(
        `Its node was shut down, or had no room for it any more. ${target.message ?? ''}`.trim(),
      )
    default:
      return preempted(target.message ?? 'Its node was emptied.')
  }
}

/** What is to be said of a job that has its grace to end. */
export function explainEnding(pod: V1Pod): string | undefined {
  const exit = describeDisruption(pod)
  if (exit === undefined) return undefined
  const seconds = pod.metadata?.deletionGracePeriodSeconds
  return seconds === undefined ? exit.message : `${exit.message} It has ${seconds} seconds to end.`
}

function lost(message: string): JobExit {
  return { state: 'failed', reason: 'node_lost', message }
}

function findTarget({ status }: V1Pod) {
  return status?.conditions?.find(({ type, status: is }) => type === 'DisruptionTarget' && is === 'True')
}
