import type { V1Pod } from '@kubernetes/client-node'

import type { JobExit, Observation } from '#scheduler/job.ts'

import { type Gang, gangGate } from './gang-pods.ts'
import { hasPodEnded, observeGone } from './observe-pod.ts'
import type { DoorState } from './pod-door.ts'
import { annotations, labels } from './pod-names.ts'

/** A job of several pods as it is now. */
export interface GangView {
  main: V1Pod
  gang: Gang
  key: string
  /** By their numbers; a hole for each that is not there. */
  peers: readonly (V1Pod | undefined)[]
}

/** What the door of a pod says; undefined: nothing yet. */
export type FindState = (pod: V1Pod) => DoorState | undefined

/** Neither begun nor ended. */
export function isToCome({ main }: GangView): boolean {
  const { [annotations.end]: end = '', [annotations.launched]: launched } = main.metadata?.annotations ?? {}
  return end === '' && launched === undefined && !hasPodEnded(main)
}

export function isOfGang({ metadata }: V1Pod): boolean {
  return (
    metadata?.labels?.[labels.peerOf] !== undefined || metadata?.annotations?.[annotations.gang] !== undefined
  )
}

export function hasNode({ spec }: V1Pod): boolean {
  return spec?.nodeName !== undefined
}

export function isGated({ spec }: V1Pod): boolean {
  return spec?.schedulingGates?.some(({ name }) => name === gangGate) ?? false
}

/** On the wire it is text, whatever the client's types say. */
export function readStart({ status }: V1Pod): number {
  return new Date(status?.startTime ?? 0).getTime()
}

export function isUp({ status }: V1Pod): boolean {
  return status?.phase === 'Running' && status.podIP !== undefined
}

export function describeWaiting({ peers }: GangView): Observation {
  const placed = peers.filter((peer) => peer !== undefined && hasNode(peer)).length
  if (placed === peers.length) return { state: 'starting' }
  const waiting = peers.find((peer) => peer !== undefined && !hasNode(peer) && !isGated(peer))
  const why = waiting?.status?.conditions?.find(({ type }) => type === 'PodScheduled')?.message
  const reason = `${placed} of its ${peers.length} pods have a node.${why === undefined ? '' : ` ${why}`}`
  return { state: 'pending', reason }
}

export function describeLoss(peer: V1Pod | undefined): JobExit {
  const seen = peer === undefined ? undefined : observeGone(peer)
  if (seen?.state === 'ended' && seen.exit.state !== 'succeeded')
    return { ...seen.exit, message: `One of its pods was lost. ${seen.exit.message}` }
  return { state: 'failed', reason: 'node_lost', message: 'One of its pods was lost: it was deleted.' }
}

/** Of the pods that compute; nothing while one of them has not told. */
export function sumUse(
  { peers }: GangView,
  findState: FindState,
): { cpuSeconds?: number; memoryBytes?: number } {
  const states = peers.map((peer) => (peer === undefined ? undefined : findState(peer)))
  const sum = (name: 'cpuSeconds' | 'memoryBytes') =>
    states.reduce((total, state) => total + (state?.[name] ?? Number.NaN), 0)
  const [cpuSeconds, memoryBytes] = [sum('cpuSeconds'), sum('memoryBytes')]
  return {
    ...(Number.isNaN(cpuSeconds) ? {} : { cpuSeconds }),
    ...(Number.isNaN(memoryBytes) ? {} : { memoryBytes }),
  }
}
