import type { V1Pod } from '@kubernetes/client-node'

import type { JobHandle } from '#scheduler/job.ts'

import { KubeRefusal } from './kube-client.ts'
import type { KubernetesContext } from './kubernetes-scheduler.ts'
import { hasPodEnded } from './observe-pod.ts'
import { annotations, labels } from './pod-names.ts'

/** A pod whose node is away answers nothing: nobody is to wait for it. */
const doorMs = 2000

/**
 * Ends jobs and keeps their pods, with how they ended and what they said, until they are forgotten. A running one is told through its door,
 * at once; its annotation says why it ended, and is what the kubelet hands to its first process some seconds later where the door does
 * not answer. One that no node has yet is marked as ended.
 */
export async function endPods(
  context: KubernetesContext,
  handles: readonly JobHandle[],
  options: { graceMs: number; signal: AbortSignal },
): Promise<void> {
  await Promise.all(handles.map((handle) => context.inTurn(() => endPod(context, handle, options))))
}

function isStarting({ spec, status }: V1Pod): boolean {
  return spec?.nodeName !== undefined && status?.phase === 'Pending'
}

/** One that has not begun has nobody who could be told; one on a silent node is ended by it should it come back. */
async function deletePod(
  { client }: KubernetesContext,
  path: string,
  { graceMs, signal }: { graceMs: number; signal: AbortSignal },
): Promise<void> {
  const body = { gracePeriodSeconds: Math.max(1, Math.ceil(graceMs / 1000)) }
  await client.call('DELETE', path, { body, signal }).catch((error: unknown) => {
    if (!(error instanceof KubeRefusal && error.status === 404)) throw error
  })
}

async function endPod(
  context: KubernetesContext,
  { ref }: JobHandle,
  { graceMs, signal }: { graceMs: number; signal: AbortSignal },
): Promise<void> {
  const { nodes } = context
  const known = context.pods.all().get(ref)
  if (known === undefined || hasPodEnded(known)) return
  const path = `${context.path}/pods/${ref}`
  const body = {
    metadata: { annotations: { [annotations.end]: String(Math.max(0, Math.round(graceMs))) } },
  }
  const [pod] = await Promise.all([
    merge(context, path, body, signal),
    tellDoor(context, known, { graceMs, signal }),
  ])
  if (pod === undefined) return
  context.pods.note(pod)
  if (hasPodEnded(pod)) return
  if (isStarting(pod) || nodes.isSilent(pod)) return await deletePod(context, path, { graceMs, signal })
  if (pod.spec?.nodeName !== undefined) return
  // The scheduler leaves a pod alone that has ended. If a node gets it just now, its first process sees the order before all else.
  const ended = await merge(
    context,
    `${path}/status`,
    { status: { phase: 'Failed', reason: 'Cancelled', message: 'It was cancelled before it had a node.' } },
    signal,
  )
  if (ended !== undefined) context.pods.note(ended)
}

async function tellDoor(
  { doors, log }: KubernetesContext,
  { metadata, status }: V1Pod,
  { graceMs, signal }: { graceMs: number; signal: AbortSignal },
): Promise<void> {
  const [host, key] = [status?.podIP, metadata?.labels?.[labels.job]]
  if (host === undefined || key === undefined) return
  const limit = AbortSignal.any([signal, AbortSignal.timeout(doorMs)])
  await doors.end({ host, key, graceMs, signal: limit }).catch((error: unknown) => {
    log.debug({ err: error, key }, 'the door of a pod does not answer; its annotation tells it, later')
  })
}

/** Undefined when it is gone. */
async function merge(
  { client }: KubernetesContext,
  path: string,
  body: object,
  signal: AbortSignal,
): Promise<V1Pod | undefined> {
  try {
    const contentType = 'application/merge-patch+json'
    return await client.call<V1Pod>('PATCH', path, { body, contentType, signal })
  } catch (error) {
    if (error instanceof KubeRefusal && error.status === 404) return undefined
    throw error
  }
}
