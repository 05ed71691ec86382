import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'
import { createTurns } from '#platform/turns.ts'
import type { JobHandle, JobKey, Observation } from '#scheduler/job.ts'
import type {
  Capacity,
  LogOptions,
  Scheduler,
  SchedulerCapabilities,
  WaitOptions,
} from '#scheduler/scheduler.ts'

import { endPods } from './end-pods.ts'
import { createGangKeeper } from './gang-keeper.ts'
import { type HomeClaims, openHomeClaims } from './home-claims.ts'
import { type KeptLauncher, keepLauncher } from './keep-launcher.ts'
import { createKubeClient, type KubeClient, KubeRefusal } from './kube-client.ts'
import type { KubernetesSchedulerConfig } from './kubernetes-config.ts'
import { createNodeCache, type NodeCache } from './node-cache.ts'
import { hasPodEnded } from './observe-pod.ts'
import { createOwnerPolicies, type OwnerPolicies } from './owner-policies.ts'
import { createPodCache, type PodCache } from './pod-cache.ts'
import { createPodDoors, type DoorState, type PodDoors } from './pod-door.ts'
import { readPodLog } from './pod-log.ts'
import { labels, podNameOf } from './pod-names.ts'
import { createPodNews, type PodNews } from './pod-news.ts'
import { createPodSights } from './pod-sights.ts'
import { buildCapacity } from './read-capacity.ts'
import { submitPods } from './submit-pods.ts'
import { tendNodes } from './tend-nodes.ts'

const driverName = 'kubernetes'
const handleVersion = 1
/** How many jobs' objects are made or ended at a time. */
const callsAtOnce = 16
const mostWaiting = 100_000

export interface KubernetesSchedulerOptions {
  clock: Clock
  log: Logger
  /** Stands between the driver and the API server, for tests. */
  client?: KubeClient
}

/** What the parts of the driver stand on. */
export interface KubernetesContext {
  config: KubernetesSchedulerConfig
  client: KubeClient
  pods: PodCache
  nodes: NodeCache
  news: PodNews
  policies: OwnerPolicies
  /** Undefined: homes have no claims of their own. */
  homes: HomeClaims | undefined
  /** `/api/v1/namespaces/NAME` */
  path: string
  launcher: KeptLauncher
  doors: PodDoors
  /** Runs calls for many jobs a few at a time. */
  inTurn<T>(call: () => Promise<T>): Promise<T>
  clock: Clock
  log: Logger
}

/** With what it alone can tell of homes. */
export interface KubernetesScheduler extends Scheduler {
  readonly homes: Omit<HomeClaims, 'close'> | undefined
  /** The file system of a home, as a running pod of its owner sees it; undefined: none has told yet. */
  findHomeSpace(owner: string): DoorState['home']
}

/** Runs jobs as pods. */
export function createKubernetesScheduler(
  config: KubernetesSchedulerConfig,
  options: KubernetesSchedulerOptions,
): KubernetesScheduler {
  const context = openContext(config, options)
  const { client, pods, nodes, news, homes, path } = context
  const listeners = new Set<(keys: readonly JobKey[]) => void>()
  const tell = (names: readonly string[]) => {
    for (const listener of listeners) listener(names.map(keyOfName))
  }
  const sights = createPodSights(context, tell)
  const gangs = createGangKeeper(context, sights.findState)
  homes?.onChange(() => tell(findWaiting(pods)))

  return {
    homes,
    findHomeSpace: (owner) => sights.findHomeSpace(owner),
    driver: driverName,
    capabilities: async () => capabilities,
    submit: async (specs, { signal }) => {
      await pods.settled(signal)
      return submitPods(context, specs, { signal, handleOf })
    },
    async find(keys, { signal }) {
      await pods.settled(signal)
      const known = pods.all()
      return new Map(keys.filter((key) => known.has(podNameOf(key))).map((key) => [key, handleOf(key)]))
    },
    async list({ signal }) {
      await pods.settled(signal)
      const live = sights.listLive()
      return live.flatMap(({ metadata }) => metadata?.labels?.[labels.job] ?? []).map(handleOf)
    },
    observe: (handles, { signal }) =>
      observeAll(pods, handles, (handle) => gangs.explain(handle, sights.observe(handle)), signal),
    async cancel(handles, { graceMs, signal }) {
      await pods.settled(signal)
      await endPods(context, handles, { graceMs, signal })
    },
    logs: (handle, reading) => readLog(context, handle, reading),
    capacity: ({ signal }) => readCapacity(context, signal),
    tend: ({ signal }) => tendNodes(context, signal),
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async forget(handles, { signal }) {
      await pods.settled(signal)
      await Promise.all(handles.map((handle) => context.inTurn(() => forget(handle, signal))))
    },
    async close() {
      sights.close()
      await gangs.close()
      const parts = [context.policies, context.doors, pods, nodes, news, homes]
      await Promise.all(parts.map((part) => part?.close()))
    },
  }

  /** The secret goes with its pod. */
  async function forget({ ref }: JobHandle, signal: AbortSignal): Promise<void> {
    const body = { gracePeriodSeconds: 0, propagationPolicy: 'Background' }
    sights.leave(ref)
    await client.call('DELETE', `${path}/pods/${ref}`, { body, signal }).catch(ignoreMissing)
    sights.forget(ref)
  }
}

/** Jobs that may wait for a home's volume. */
function findWaiting(pods: PodCache): readonly string[] {
  try {
    return [...pods.all()].flatMap(([name, pod]) =>
      pod.status?.phase === 'Pending' && pod.metadata?.labels?.[labels.home] !== undefined ? [name] : [],
    )
  } catch {
    // Nothing counts that is known of them: all are looked at again later.
    return []
  }
}

async function readCapacity(
  { config, pods, nodes }: KubernetesContext,
  signal: AbortSignal,
): Promise<Capacity> {
  await Promise.all([pods.settled(signal), nodes.settled(signal)])
  return buildCapacity(config, nodes.all()?.values(), [...pods.all().values()])
}

/** A server that cannot be asked has killed nobody. */
async function observeAll(
  pods: PodCache,
  handles: readonly JobHandle[],
  observe: (handle: JobHandle) => Observation,
  signal: AbortSignal,
): Promise<ReadonlyMap<JobKey, Observation>> {
  try {
    await pods.settled(signal)
    return new Map(handles.map((handle) => [handle.key, observe(handle)]))
  } catch (error) {
    signal.throwIfAborted()
    const why = error instanceof Error ? error.message : String(error)
    return new Map(handles.map(({ key }) => [key, { state: 'unknown', why } as const]))
  }
}

const capabilities: SchedulerCapabilities = {
  gpu: true,
  containerImages: true,
  limits: { cpu: true, memory: true, why: 'The kubelet holds containers to their limits.' },
  preemption: true,
  multipleNodes: true,
  warmStart: false,
  owners: true,
  hints: true,
  timeLimitStepMs: 1000,
}

function openContext(
  config: KubernetesSchedulerConfig,
  { clock, log, client = createKubeClient(config) }: KubernetesSchedulerOptions,
): KubernetesContext {
  const path = `/api/v1/namespaces/${config.namespace}`
  const turns = createTurns({ atOnce: callsAtOnce, mostWaiting })
  const labelSelector = `${labels.managedBy}=atrium,${labels.instance}=${config.instance}`
  const pods = createPodCache({ client, path: `${path}/pods`, labelSelector, clock, log })
  return {
    ...{ config, client, pods, path, clock, log },
    nodes: createNodeCache({ client, clock, log }),
    homes: config.homeClaims === undefined ? undefined : openHomeClaims({ config, client, path, clock, log }),
    news: createPodNews({ client, path, prefix: podNameOf(''), clock, log }),
    launcher: keepLauncher({ client, path, files: config.files, clock, log }),
    doors: createPodDoors(config.doorKey),
    policies: createOwnerPolicies({ config, client, pods, clock, log }),
    inTurn: (call) => turns.take(call) ?? call(),
  }
}

function handleOf(key: JobKey): JobHandle {
  return { key, driver: driverName, version: handleVersion, ref: podNameOf(key) }
}

function keyOfName(name: string): JobKey {
  return name.slice(podNameOf('').length)
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof KubeRefusal && error.status === 404)) throw error
}

/** A container that has not started has no log: who follows waits for it. */
async function* readLog(
  { client, pods, path }: KubernetesContext,
  { ref }: JobHandle,
  options: LogOptions,
): AsyncGenerator<Uint8Array> {
  await pods.settled(options.signal)
  if (options.follow === true) await untilStarted(pods, ref, options)
  if (!pods.all().has(ref)) return
  yield* readPodLog(client, `${path}/pods/${ref}`, options)
}

async function untilStarted(pods: PodCache, name: string, { signal }: WaitOptions): Promise<void> {
  const isOver = () => {
    const pod = pods.all().get(name)
    return pod === undefined || pod.status?.phase === 'Running' || hasPodEnded(pod)
  }
  const over = Promise.withResolvers<void>()
  const look = () => {
    if (isOver()) over.resolve()
  }
  const stop = pods.onChange(look)
  const give = () => over.reject(signal.reason)
  signal.addEventListener('abort', give)
  try {
    signal.throwIfAborted()
    look()
    await over.promise
  } finally {
    stop()
    signal.removeEventListener('abort', give)
  }
}
