import type { V1Pod } from '@kubernetes/client-node'

import { KubeRefusal } from './kube-client.ts'
import type { KubernetesContext } from './kubernetes-scheduler.ts'
import { fieldManager } from './pod-names.ts'
import { planPulls } from './pull-ahead.ts'
import { type PodPlan, planSeats } from './warm-seats.ts'

/** Everything is compared anew this often, and soon after a change of pods or nodes. */
const steadyMs = 30_000
const settleMs = 300
const troubleMs = 5000

/** Keeps seats warm and images pulled ahead as configured, until `signal`: the replica that leads does so. */
export async function tendNodes(context: KubernetesContext, signal: AbortSignal): Promise<void> {
  const { clock, log } = context
  const changes = watchChanges(context)
  try {
    while (!signal.aborted) {
      try {
        await tendOnce(context, signal)
        await changes.next(steadyMs, signal)
        await clock.sleep(settleMs, { signal })
      } catch (error) {
        if (signal.aborted) return
        log.warn({ err: error }, 'warm seats and images could not be looked after')
        await clock.sleep(troubleMs, { signal }).catch(() => {})
      }
    }
  } finally {
    changes.stop()
  }
}

async function tendOnce(context: KubernetesContext, signal: AbortSignal): Promise<void> {
  const { config, pods, nodes, clock } = context
  await Promise.all([pods.settled(signal), nodes.settled(signal)])
  await carryOut(context, planSeats(config, pods.all().values()), signal)
  const known = nodes.all()
  if (known === undefined) return
  await carryOut(context, planPulls(config, known.values(), pods.all().values(), clock.now()), signal)
}

async function carryOut(context: KubernetesContext, plan: PodPlan, signal: AbortSignal): Promise<void> {
  await Promise.all([
    ...plan.remove.map((name) => context.inTurn(() => remove(context, name, signal))),
    ...plan.create.map((pod) => context.inTurn(() => create(context, pod, signal))),
  ])
}

async function remove(
  { client, path, pods }: KubernetesContext,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const body = { gracePeriodSeconds: 0, propagationPolicy: 'Background' }
  try {
    await client.call('DELETE', `${path}/pods/${name}`, { body, signal })
  } catch (error) {
    if (!(error instanceof KubeRefusal && error.status === 404)) throw error
  }
  pods.drop(name)
}

/** One that the cluster refuses (a quota, a policy) keeps none of the others. */
async function create(
  { client, path, pods, log }: KubernetesContext,
  pod: V1Pod,
  signal: AbortSignal,
): Promise<void> {
  const name = pod.metadata?.name ?? ''
  const contentType = 'application/apply-patch+yaml'
  const query = { fieldManager, force: true }
  try {
    pods.note(
      await client.call<V1Pod>('PATCH', `${path}/pods/${name}`, { query, body: pod, contentType, signal }),
    )
  } catch (error) {
    if (!(error instanceof KubeRefusal)) throw error
    log.warn({ err: error, pod: name }, 'the cluster refuses a pod of the platform itself')
  }
}

function watchChanges({ pods, nodes, clock }: KubernetesContext) {
  let changed = Promise.withResolvers<void>()
  const wake = () => changed.resolve()
  const stops = [pods.onChange(wake), nodes.onChange(wake)]
  return {
    /** Resolves after a change since the last call, or after a while. */
    async next(atMostMs: number, signal: AbortSignal): Promise<void> {
      const done = new AbortController()
      const late = clock.sleep(atMostMs, { signal: AbortSignal.any([signal, done.signal]) })
      try {
        await Promise.race([changed.promise, late])
      } finally {
        done.abort()
        late.catch(() => {})
        changed = Promise.withResolvers()
      }
    },
    stop() {
      for (const stop of stops) stop()
    },
  }
}
