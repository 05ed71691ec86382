import type { V1ContainerStatus, V1Pod, V1PodCondition } from '@kubernetes/client-node'

import type { JobExit, Observation } from '#scheduler/job.ts'

import type { DoorSight } from './door-watch.ts'
import { describeDisruption, explainEnding } from './pod-disruption.ts'
import { annotations } from './pod-names.ts'

/** What is known of a pod beside what stands in it. */
export interface PodSight extends DoorSight {
  /** Its node has stopped answering, or is gone. */
  isNodeSilent?: boolean
  /** See `LostPods`. */
  isLost?: boolean
}

/** What a pod says of its job. `sight`: what its door says while it runs, and of its node. */
export function observePod(pod: V1Pod, sight: PodSight): Observation {
  if (sight.isLost) return { state: 'ended', exit: describeLoss(pod), ...readTimes(pod) }
  switch (pod.status?.phase) {
    case 'Succeeded':
    case 'Failed':
      return observeEnd(pod)
    case 'Running':
      return observeRunning(pod, sight)
    case 'Unknown':
      return { state: 'unknown', why: 'The node of this job does not answer.' }
    default:
      return observePending(pod)
  }
}

/** True once the pod can never run again. */
export function hasPodEnded({ status }: V1Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed'
}

function describeLoss(pod: V1Pod): JobExit {
  if (isCancelled(pod)) return cancelled
  const node = pod.spec?.nodeName
  return {
    state: 'failed',
    reason: 'node_lost',
    message: `Its node${node === undefined ? '' : ` (${node})`} was lost.`,
  }
}

const cancelled: JobExit = { state: 'cancelled', reason: 'cancelled', message: 'It was cancelled.' }

/** What is to be said of a pod that is not there any more, though nobody here deleted it: the last that was seen of it. */
export function observeGone(pod: V1Pod): Observation {
  if (hasPodEnded(pod)) return observeEnd(pod)
  const exit = isCancelled(pod) ? cancelled : (describeFailure(pod) ?? describeDisruption(pod) ?? endedUnseen)
  return { state: 'ended', exit, ...readTimes(pod) }
}

const deleted: JobExit = {
  state: 'failed',
  reason: 'not_observed',
  message: 'Its pod was deleted by somebody else while it ran.',
}

/** One that has ended goes at once when it is deleted: what is still here was deleted before. */
function wasDeleted({ metadata }: V1Pod): boolean {
  return metadata?.deletionTimestamp !== undefined && (metadata.deletionGracePeriodSeconds ?? 0) > 0
}

const endedUnseen: JobExit = {
  state: 'failed',
  reason: 'not_observed',
  message: 'Its pod was deleted by somebody else, and nobody saw how the program ended.',
}

function observePending(pod: V1Pod): Observation {
  const node = pod.spec?.nodeName
  if (node === undefined) {
    const scheduled = findCondition(pod, 'PodScheduled')
    const reason = scheduled?.message === undefined ? undefined : explainUnscheduled(scheduled.message)
    return { state: 'pending', ...(reason === undefined ? {} : { reason }) }
  }
  const reason = findImageTrouble(pod)?.message ?? explainWaiting(findJobContainer(pod))
  return { state: 'starting', node, ...(reason === undefined ? {} : { reason }) }
}

function observeRunning(
  pod: V1Pod,
  { endpoint, state = { listening: [] }, trouble, isNodeSilent = false }: PodSight,
): Observation {
  const node = pod.spec?.nodeName
  const reason = isNodeSilent ? silentNode : (explainEnding(pod) ?? trouble)
  const { cpuSeconds, memoryBytes, oomKills } = state
  const limitSeconds = pod.spec?.activeDeadlineSeconds
  const startedAtMs = readTimes(pod).startedAtMs
  const began = parseTime(pod.status?.startTime)
  return {
    state: 'running',
    ...(node === undefined ? {} : { node }),
    ...(reason === undefined ? {} : { reason }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(startedAtMs === undefined ? {} : { startedAtMs }),
    ...(limitSeconds === undefined || began === undefined ? {} : { endsAtMs: began + limitSeconds * 1000 }),
    ...(cpuSeconds === undefined ? {} : { cpuSeconds }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(oomKills === undefined ? {} : { oomKills }),
  }
}

const silentNode =
  'Its node does not answer. What runs there may go on; the job is given up when that lasts longer than some minutes.'

function observeEnd(pod: V1Pod): Observation {
  const exit = isCancelled(pod)
    ? cancelled
    : (describeFailure(pod) ??
      describeReason(pod) ??
      describeDisruption(pod) ??
      (wasDeleted(pod) ? deleted : describeExit(findJobContainer(pod))))
  return { state: 'ended', exit, ...readTimes(pod) }
}

function isCancelled(pod: V1Pod): boolean {
  return (pod.metadata?.annotations?.[annotations.end] ?? '') !== ''
}

/** Why we ended it ourselves. */
function describeFailure({ metadata }: V1Pod): JobExit | undefined {
  const message = metadata?.annotations?.[annotations.failure]
  return message === undefined ? undefined : { state: 'failed', reason: 'start_failed', message }
}

/** Why the kubelet ended the whole pod. */
function describeReason({ status }: V1Pod): JobExit | undefined {
  const message = status?.message ?? ''
  switch (status?.reason) {
    case 'DeadlineExceeded':
      return { state: 'failed', reason: 'time_limit', message: 'Its time limit was over.' }
    case 'Evicted':
      return describeEviction(message)
    case 'NodeLost':
      return { state: 'failed', reason: 'node_lost', message: 'Its node was lost.' }
    case 'Terminated':
    case 'NodeShutdown':
    case 'Shutdown':
      return { state: 'preempted', reason: 'preempted', message: 'Its node was shut down.' }
    case 'UnexpectedAdmissionError':
    case 'OutOfcpu':
    case 'OutOfmemory':
    case 'OutOfpods':
      return {
        state: 'preempted',
        reason: 'preempted',
        message: `Its node did not take it. ${message}`.trim(),
      }
    default:
      return undefined
  }
}

/** How the kubelet words that a pod was over a limit of its own (pkg/kubelet/eviction/helpers.go); else its node was short of something. */
const ownLimit = /exceed(s|ed) (the|its) .*\blimit/

/** What was over its own limit would be so wherever it were started again. */
function describeEviction(message: string): JobExit {
  if (ownLimit.test(message))
    return {
      state: 'failed',
      reason: 'out_of_storage',
      message: `It wrote more than it may. ${message}`.trim(),
    }
  return {
    state: 'preempted',
    reason: 'evicted',
    message: `Its node had no room for it any more. ${message}`.trim(),
  }
}

const killedStatus = 128 + 9

interface Told {
  exitCode?: number
  signal?: string
  failure?: string
}

function describeExit(container: V1ContainerStatus | undefined): JobExit {
  const ended = container?.state?.terminated
  if (ended === undefined) return endedUnseen
  const { exitCode = ended.exitCode, signal, failure } = parseTold(ended.message)
  // The runtime says `OOMKilled` of a container in which any program was; how the job's own ended counts. A shell says 128 + 9.
  const wasKilled = signal === 'SIGKILL' || exitCode === killedStatus
  if (ended.reason === 'OOMKilled' && wasKilled)
    return { state: 'failed', reason: 'out_of_memory', message: 'It used more memory than it asked for.' }
  if (failure !== undefined)
    return { state: 'failed', reason: 'start_failed', message: `It could not be started: ${failure}.` }
  if (signal !== undefined)
    return { state: 'failed', signal, reason: 'exit_status', message: `It was ended by ${signal}.` }
  if (exitCode === 0)
    return { state: 'succeeded', exitCode, reason: 'exit_status', message: 'It ended well.' }
  if (ended.reason === 'StartError' || ended.reason === 'ContainerCannotRun')
    return {
      state: 'failed',
      reason: 'start_failed',
      message: `It could not be started: ${ended.message ?? ''}`,
    }
  const message = `It ended with status ${exitCode}.`
  const why = ended.reason === 'OOMKilled' ? ' A program of it had used more memory than it may.' : ''
  return { state: 'failed', exitCode, reason: 'exit_status', message: message + why }
}

/** What `pod_job.py` left; anything else a user's program wrote there is of no interest. */
function parseTold(message: string | undefined): Told {
  try {
    const told = JSON.parse(message ?? '') as Record<string, unknown>
    return {
      ...(typeof told['exitCode'] === 'number' ? { exitCode: told['exitCode'] } : {}),
      ...(typeof told['signal'] === 'string' ? { signal: told['signal'] } : {}),
      ...(typeof told['failure'] === 'string' ? { failure: told['failure'] } : {}),
    }
  } catch {
    return {}
  }
}

const imageTroubles: Readonly<Record<string, string>> = {
  ImagePullBackOff: 'cannot be fetched',
  ErrImagePull: 'cannot be fetched',
  ErrImageNeverPull: 'is not on the node, and is not to be fetched',
  InvalidImageName: 'has no valid name',
  ImageInspectError: 'cannot be read',
  RegistryUnavailable: 'cannot be fetched: its registry does not answer',
}

/** Why the image of a pod's job cannot be had; final when it never can. */
export function findImageTrouble(pod: V1Pod): { message: string; isFinal: boolean } | undefined {
  const container = findJobContainer(pod)
  const { reason = '', message = '' } = container?.state?.waiting ?? {}
  const trouble = Object.hasOwn(imageTroubles, reason) ? imageTroubles[reason] : undefined
  if (trouble === undefined) return undefined
  const image = pod.spec?.containers[0]?.image ?? ''
  return {
    message: `The image ${image} ${trouble}. ${message}`.trim(),
    isFinal: reason === 'InvalidImageName',
  }
}

function explainWaiting(container: V1ContainerStatus | undefined): string | undefined {
  const { reason = '', message = '' } = container?.state?.waiting ?? {}
  if (reason === '' || reason === 'ContainerCreating' || reason === 'PodInitializing') return undefined
  return `${reason}: ${message}`
}

/** The scheduler's own words name counts of nodes and why each will not do: they are kept, its advice on preemption is not. */
function explainUnscheduled(message: string): string {
  return message.replace(/\s*preemption:.*$/s, '').trim()
}

function findCondition({ status }: V1Pod, type: string): V1PodCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type)
}

function findJobContainer({ status }: V1Pod): V1ContainerStatus | undefined {
  return status?.containerStatuses?.find(({ name }) => name === 'job')
}

function readTimes(pod: V1Pod): { startedAtMs?: number; endedAtMs?: number } {
  const state = findJobContainer(pod)?.state
  const startedAtMs = parseTime(state?.running?.startedAt ?? state?.terminated?.startedAt)
  const endedAtMs = parseTime(state?.terminated?.finishedAt)
  return {
    ...(startedAtMs === undefined ? {} : { startedAtMs }),
    ...(endedAtMs === undefined ? {} : { endedAtMs }),
  }
}

/** On the wire it is text, whatever the client's types say. */
function parseTime(time: Date | string | undefined): number | undefined {
  const ms = time === undefined ? Number.NaN : new Date(time).getTime()
  return Number.isNaN(ms) || ms <= 0 ? undefined : ms
}
