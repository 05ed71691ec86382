import { type ErrorCode, PlatformError } from '@atrium/contract/errors.ts'
import type { V1Pod } from '@kubernetes/client-node'

import type { JobHandle, JobKey, JobSpec } from '#scheduler/job.ts'
import type { Submission } from '#scheduler/scheduler.ts'

import { applyObject } from './apply-object.ts'
import { buildJobFile, buildLabels, buildPod } from './build-pod.ts'
import { type ExplainedRefusal, explainRefusal } from './explain-refusal.ts'
import { buildGangPod, findShares } from './gang-pods.ts'
import { findRefusal } from './job-refusals.ts'
import { KubeRefusal } from './kube-client.ts'
import type { KubernetesContext } from './kubernetes-scheduler.ts'
import { buildAccountFiles } from './pod-accounts.ts'
import { buildOwnerLabel, podNameOf } from './pod-names.ts'

/** Troubles of the storage that are waited for. */
const mayPass: readonly ErrorCode[] = ['scheduler_unavailable', 'storage_full', 'timeout']

interface SubmitOptions {
  signal: AbortSignal
  handleOf(key: JobKey): JobHandle
}

/** Makes pods, and their secrets after them. Repeatable: names follow from keys, and what is there already is left as it is. */
export async function submitPods(
  context: KubernetesContext,
  specs: readonly JobSpec[],
  options: SubmitOptions,
): Promise<readonly Submission[]> {
  if (specs.length === 0) return []
  const full: FullQuotas = new Map()
  return Promise.all(specs.map((spec) => context.inTurn(() => submitOne(context, spec, full, options))))
}

/** What the cluster had no room for, by what jobs ask for: of a thousand alike that wait, one asks. */
type FullQuotas = Map<string, ExplainedRefusal>

async function submitOne(
  context: KubernetesContext,
  spec: JobSpec,
  full: FullQuotas,
  { signal, handleOf }: SubmitOptions,
): Promise<Submission> {
  const { key } = spec
  const amounts = JSON.stringify([spec.resources, spec.tasks, spec.nodePool])
  const known = full.get(amounts)
  if (known !== undefined) return { key, ...known }
  try {
    await context.launcher.ensure(signal)
    const found = context.pods.all().get(podNameOf(key))
    const wanted = found ?? buildWanted(context, spec)
    const refusal = found === undefined ? findRefusal(context, spec, wanted) : undefined
    if (refusal !== undefined) return { key, outcome: 'rejected', ...refusal }
    const obstacle = found === undefined ? await prepare(context, spec, signal) : undefined
    if (obstacle !== undefined) return obstacle
    const make = async () => {
      const made = await applyPod(context, wanted, signal)
      context.pods.note(made)
      return made
    }
    const pod = found ?? (await context.policies.during(buildOwnerLabel(spec.owner.name), make, signal))
    // A control plane that was killed between the two left a pod that waits for its secret.
    if (pod.status?.phase === undefined || pod.status.phase === 'Pending')
      await applySecret(context, spec, pod, signal)
    return { key, outcome: 'accepted', handle: handleOf(key) }
  } catch (error) {
    const refusal = explainRefusal(error)
    if (refusal === undefined) throw error
    if (refusal.reason === 'cluster_quota') full.set(amounts, refusal)
    return { key, ...refusal }
  }
}

/** Undefined: all that its volumes need is there. */
async function prepare(
  { config, homes }: KubernetesContext,
  spec: JobSpec,
  signal: AbortSignal,
): Promise<Submission | undefined> {
  await homes?.ensure(spec, signal)
  try {
    await config.prepare?.(spec)
    return undefined
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error
    const outcome = mayPass.includes(error.code) ? 'delayed' : 'rejected'
    return { key: spec.key, outcome, reason: 'storage', message: error.message }
  }
}

async function applyPod(context: KubernetesContext, pod: V1Pod, signal: AbortSignal): Promise<V1Pod> {
  const path = `${context.path}/pods/${pod.metadata?.name}`
  try {
    return await applyObject(context.client, path, pod, signal)
  } catch (error) {
    // It is there, made by another version of ours: most of a pod cannot be changed.
    if (error instanceof KubeRefusal && error.status === 422) {
      const found = await context.client.call<V1Pod>('GET', path, { signal }).catch(() => undefined)
      if (found !== undefined) return found
    }
    throw error
  }
}

/** Belongs to the pod: Kubernetes itself removes it with it. */
async function applySecret(
  context: KubernetesContext,
  spec: JobSpec,
  { metadata }: V1Pod,
  signal: AbortSignal,
): Promise<void> {
  const name = podNameOf(spec.key)
  await applyObject(
    context.client,
    `${context.path}/secrets/${name}`,
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name,
        labels: buildLabels(context.config, spec),
        ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name, uid: metadata?.uid }],
      },
      stringData: buildFiles(context, spec),
      immutable: true,
    },
    signal,
  ).catch((error: unknown) => {
    // Immutable, and there already with what the first submission had.
    if (!(error instanceof KubeRefusal && error.status === 422)) throw error
  })
}

function buildFiles({ doors }: KubernetesContext, spec: JobSpec): Record<string, string> {
  const job = buildJobFile(spec, doors.token(spec.key), findShares(spec))
  return { 'job.json': job, ...buildAccountFiles(spec) }
}

/** The job's pod; of a job of several pods the main one. */
function buildWanted({ config, launcher }: KubernetesContext, spec: JobSpec): V1Pod {
  const shares = findShares(spec)
  if (shares === undefined) return buildPod(config, spec, launcher)
  return buildGangPod(config, spec, { launcher, shares })
}
