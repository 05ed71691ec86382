import type { CoreV1Event } from '@kubernetes/client-node'

import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'

import type { KubeClient } from './kube-client.ts'
import { type ObjectKeeper, type ObjectWatch, watchObjects } from './watch-objects.ts'

/** What was last said of a pod on a subject. */
export interface PodSaying {
  reason: string
  /** Who: `default-scheduler`, `cluster-autoscaler`, `karpenter`, `kubelet`. */
  by: string
  message: string
  atMs: number
}

/** What is said of a pod that waits. */
export interface PodSayings {
  /** Whether a node is being added for it. */
  growth?: PodSaying
  /** What keeps it from starting on its node. */
  start?: PodSaying
}

/** The cluster's events about our pods: the last on each subject, nothing else is kept. */
export interface PodNews {
  /** `uid` of the pod: what was said of an earlier one by its name does not count. */
  find(name: string, uid: string | undefined): PodSayings
  /** Names of pods of which something new was said. */
  onChange(listener: (name: string) => void): () => void
  /** The pod is gone. */
  forget(name: string): void
  close(): Promise<void>
}

export interface PodNewsOptions {
  client: KubeClient
  /** `/api/v1/namespaces/NAME` */
  path: string
  /** Only of pods whose names begin so. */
  prefix: string
  clock: Clock
  log: Logger
}

/**
 * What the server keeps back, which is most of all events: what happens to every pod that does well, and what the scheduler says of those
 * that wait, since that stands in the pods themselves.
 */
const unwanted = [
  ...['Scheduled', 'Pulling', 'Pulled', 'Created', 'Started', 'Killing'].map((reason) => `reason!=${reason}`),
  'reportingComponent!=default-scheduler',
]

/** Subjects by reason; of reasons that are not here nothing is kept. */
const subjects: Readonly<Record<string, keyof PodSayings>> = {
  /** Karpenter's alone: see `findSubject`. */
  FailedScheduling: 'growth',
  TriggeredScaleUp: 'growth',
  NotTriggerScaleUp: 'growth',
  Nominated: 'growth',
  FailedMount: 'start',
  FailedAttachVolume: 'start',
  FailedMapVolume: 'start',
  FailedCreatePodSandBox: 'start',
  FailedCreatePodContainer: 'start',
  NetworkNotReady: 'start',
}

/** Far above what waits at a time. Beyond it the oldest go. */
const mostPods = 20_000

/** Begins at once. Without the right to see events there is no news, and nothing else changes. */
export function createPodNews(options: PodNewsOptions): PodNews {
  return new WatchedEvents(options)
}

interface Kept extends PodSayings {
  uid: string
}

class WatchedEvents implements PodNews, ObjectKeeper<CoreV1Event> {
  readonly #prefix: string
  readonly #watch: ObjectWatch
  readonly #listeners = new Set<(name: string) => void>()
  readonly #kept = new Map<string, Kept>()

  constructor({ path, prefix, ...options }: PodNewsOptions) {
    this.#prefix = prefix
    const query = { fieldSelector: ['involvedObject.kind=Pod', ...unwanted].join(',') }
    this.#watch = watchObjects({ ...options, path: `${path}/events`, query, keeper: this })
  }

  find(name: string, uid: string | undefined): PodSayings {
    const kept = this.#kept.get(name)
    return kept === undefined || kept.uid !== uid ? {} : kept
  }

  onChange(listener: (name: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  forget(name: string): void {
    this.#kept.delete(name)
  }

  close(): Promise<void> {
    return this.#watch.close()
  }

  /** Events go after an hour by themselves; what they said stays until the pod is gone. */
  replace(events: readonly CoreV1Event[]): void {
    for (const event of events) this.change(event, 'set')
  }

  change(event: CoreV1Event, how: 'set' | 'gone'): void {
    const { name = '', uid = '' } = event.involvedObject
    const subject = findSubject(event)
    if (how === 'gone' || subject === undefined || !name.startsWith(this.#prefix)) return
    const said = readSaying(event)
    const before = this.#kept.get(name)
    const known = before?.uid === uid ? before : { uid }
    const last = known[subject]
    if (last !== undefined && last.atMs > said.atMs) return
    // Said last, last to go.
    this.#kept.delete(name)
    this.#kept.set(name, { ...known, [subject]: said })
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= mostPods) break
      this.#kept.delete(oldest)
    }
    if (last?.message !== said.message || last.reason !== said.reason)
      for (const listener of this.#listeners) listener(name)
  }
}

/** Schedulers say `FailedScheduling`, too, under names that differ by provider; that stands in the pod itself. */
function findSubject(event: CoreV1Event): keyof PodSayings | undefined {
  const { reason = '' } = event
  if (!Object.hasOwn(subjects, reason)) return undefined
  return reason !== 'FailedScheduling' || readAuthor(event) === 'karpenter' ? subjects[reason] : undefined
}

function readAuthor({ source, reportingComponent }: CoreV1Event): string {
  return source?.component || reportingComponent || ''
}

function readSaying(event: CoreV1Event): PodSaying {
  const { reason = '', message = '', series, lastTimestamp, eventTime, metadata } = event
  const times = [series?.lastObservedTime, lastTimestamp, eventTime, metadata.creationTimestamp]
  const ms = times
    .map((time) => (time == null ? Number.NaN : new Date(time).getTime()))
    .filter((time) => time > 0)
  return { reason, by: readAuthor(event), message, atMs: Math.max(0, ...ms) }
}
