import type { V1Pod } from '@kubernetes/client-node'

import type { Clock } from '#platform/clock.ts'
import type { Observation } from '#scheduler/job.ts'

import { explainGrowth } from './explain-growth.ts'
import { explainPlace, nameTaints } from './explain-place.ts'
import type { HomeClaims } from './home-claims.ts'
import { findMisfit } from './job-fit.ts'
import type { KubernetesSchedulerConfig } from './kubernetes-config.ts'
import type { NodeCache } from './node-cache.ts'
import type { PodCache } from './pod-cache.ts'
import { buildLines, isWaiting, type PlaceInLine } from './pod-line.ts'
import { annotations } from './pod-names.ts'
import type { PodNews, PodSaying } from './pod-news.ts'

/** What is to be said of pods that wait for a node or on it. */
export interface WaitWords {
  /** Adds to what the pod itself tells. */
  explain(pod: V1Pod, seen: Observation): Observation
}

export interface WaitWordsOptions {
  config: Pick<KubernetesSchedulerConfig, 'nodePools' | 'gpuResource'>
  pods: PodCache
  nodes: NodeCache
  news: PodNews
  homes: Pick<HomeClaims, 'explain'> | undefined
  clock: Clock
}

/** The line is sorted anew no more often. */
const lineAgeMs = 1000
/** What passes by itself is not worth a word: a volume whose secret is just being made. */
const patienceMs = 15_000

export function createWaitWords(options: WaitWordsOptions): WaitWords {
  const { config, nodes, news, homes, clock } = options
  const readLines = rememberLines(options)
  const pools = config.nodePools ?? {}

  return {
    explain(pod, seen) {
      if (seen.state === 'starting' && seen.reason === undefined) {
        const reason = explainStart(pod, findSaid(pod).start, clock.now())
        return reason === undefined ? seen : { ...seen, reason }
      }
      if (seen.state !== 'pending' || !isWaiting(pod)) return seen
      const home = homes?.explain(pod)
      if (home !== undefined) return { state: 'pending', reason: home }
      const place = readLines().get(pod.metadata?.name ?? '')
      const reason = explainWait(pod, place)
      return {
        state: 'pending',
        ...(reason === undefined ? {} : { reason }),
        ...(place === undefined ? {} : { place: place.place }),
        ...(place?.estimatedStartMs === undefined ? {} : { estimatedStartMs: place.estimatedStartMs }),
      }
    },
  }

  function findSaid({ metadata }: V1Pod) {
    return news.find(metadata?.name ?? '', metadata?.uid)
  }

  function explainWait(pod: V1Pod, place: PlaceInLine | undefined): string | undefined {
    const growth = explainGrowth(findSaid(pod).growth, clock.now())
    if (growth?.comes === true) return growth.text
    const pool = pod.metadata?.annotations?.[annotations.pool]
    const { gpuResource } = config
    const misfit = findMisfit(pod, pool, {
      nodes: nodes.all()?.values(),
      pools,
      ...(gpuResource === undefined ? {} : { gpuResource }),
    })
    if (misfit !== undefined)
      return joinSentences([misfit.text, 'It waits until such a node is added.', growth?.text])
    const condition = findScheduled(pod)
    if (condition?.reason === 'SchedulingGated')
      return 'Something in the cluster holds it back (a scheduling gate).'
    if (condition?.message === undefined) return growth?.text
    return joinSentences([
      explainPlace(nameTaints(condition.message, pod, nodes.all()?.values())),
      growth?.text,
      explainTaken(pod, condition.message, place),
    ])
  }

  /** By what we know there is room, and still the scheduler finds none. */
  function explainTaken(pod: V1Pod, message: string, place: PlaceInLine | undefined): string | undefined {
    const isOld = clock.now() - readTime(pod.metadata?.creationTimestamp) > patienceMs
    if (place?.isRoomTaken !== true || !isOld || !/Insufficient (cpu|memory)/.test(message)) return undefined
    return 'Other programs of the cluster hold the room.'
  }
}

function rememberLines({
  config,
  pods,
  nodes,
  clock,
}: WaitWordsOptions): () => ReadonlyMap<string, PlaceInLine> {
  let lines: ReadonlyMap<string, PlaceInLine> = new Map()
  let builtMs = Number.NEGATIVE_INFINITY
  return () => {
    if (clock.monotonic() - builtMs < lineAgeMs) return lines
    const { nodePools = {} } = config
    lines = buildLines({
      pods: pods.all().values(),
      nodes: nodes.all()?.values(),
      pools: nodePools,
      nowMs: clock.now(),
    })
    builtMs = clock.monotonic()
    return lines
  }
}

/** What the kubelet complains of, once it does not pass by itself. */
function explainStart(pod: V1Pod, said: PodSaying | undefined, nowMs: number): string | undefined {
  if (said === undefined || nowMs - readTime(findScheduled(pod)?.lastTransitionTime) < patienceMs)
    return undefined
  const what =
    said.reason.startsWith('FailedCreate') || said.reason === 'NetworkNotReady'
      ? 'start it'
      : 'mount its volumes'
  return `Its node cannot ${what}: ${said.message.slice(0, 500)}`
}

function findScheduled({ status }: V1Pod) {
  return status?.conditions?.find(({ type }) => type === 'PodScheduled')
}

/** On the wire it is text, whatever the client's types say. */
function readTime(time: Date | string | undefined): number {
  return new Date(time ?? 0).getTime()
}

function joinSentences(sentences: readonly (string | undefined)[]): string {
  return sentences.filter((sentence) => sentence !== undefined && sentence !== '').join(' ')
}
