import type { V1Node, V1Pod } from '@kubernetes/client-node'

import { findPool, hasLabels, type NodePools, readNodeState } from './node-pools.ts'
import { hasPodEnded } from './observe-pod.ts'
import { type Amounts, addAmounts, fitsInto, readAllocatable, sumRequests } from './pod-amounts.ts'
import { annotations, labels } from './pod-names.ts'
import { sumHeld } from './read-capacity.ts'
import { toleratesNode } from './tolerations.ts'

export interface LineView {
  pods: Iterable<V1Pod>
  nodes: Iterable<V1Node> | undefined
  pools: NodePools
  nowMs: number
}

export interface PlaceInLine {
  /** 1 is next; of those far behind only about: see `roundPlace`. */
  place: number
  /** When a node has room for it by what is known: by the time limits of what runs. */
  estimatedStartMs?: number
  /** There is room by what we know, and has been: something else than jobs of the platform holds it. */
  isRoomTaken: boolean
}

/** Beyond these nothing is estimated: who is so far behind is told the place. */
const mostEstimated = 100
const mostMoments = 500

/**
 * Everybody's place among the pods of ours that wait for a node of the same pool, and when their turn may come. Kubernetes takes them by
 * priority, then by age (the scheduler's `PrioritySort`), and passes over who does not fit.
 */
export function buildLines(view: LineView): ReadonlyMap<string, PlaceInLine> {
  const pods = [...view.pods]
  const lines = Map.groupBy(pods.filter(isWaiting), (pod) => JSON.stringify(pod.spec?.nodeSelector ?? {}))
  const held = sumHeld(pods)
  const places = new Map<string, PlaceInLine>()
  for (const line of lines.values()) {
    const sorted = line.toSorted(compareTurns)
    const starts = estimateStarts(sorted.slice(0, mostEstimated), pods, held, view)
    // Of a job of several pods the first stands in line, and all take room.
    const first = sorted.filter(({ metadata }) => metadata?.labels?.[labels.job] !== undefined)
    for (const [index, pod] of first.entries()) {
      const name = pod.metadata?.name ?? ''
      const startMs = starts.get(name)
      places.set(name, {
        place: roundPlace(index + 1),
        isRoomTaken: startMs === view.nowMs,
        ...(startMs === undefined || startMs === view.nowMs ? {} : { estimatedStartMs: startMs }),
      })
    }
  }
  return places
}

/** Waits for a node, and nobody has given it up. */
export function isWaiting({ metadata, spec, status }: V1Pod): boolean {
  const isJob = metadata?.labels?.[labels.job] !== undefined
  return (
    spec?.nodeName === undefined &&
    (status?.phase ?? 'Pending') === 'Pending' &&
    (isJob || metadata?.labels?.[labels.peerOf] !== undefined) &&
    metadata?.deletionTimestamp === undefined &&
    (metadata?.annotations?.[annotations.end] ?? '') === ''
  )
}

function compareTurns(a: V1Pod, b: V1Pod): number {
  return (b.spec?.priority ?? 0) - (a.spec?.priority ?? 0) || readAge(a) - readAge(b) || compareNames(a, b)
}

function readAge({ metadata }: V1Pod): number {
  return new Date(metadata?.creationTimestamp ?? 0).getTime()
}

function compareNames(a: V1Pod, b: V1Pod): number {
  return (a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1
}

/** Exact for the first; every start moves all others up, and that is not worth a word to each of a thousand. */
export function roundPlace(place: number): number {
  if (place <= 20) return place
  const step = place <= 200 ? 10 : 100
  return Math.ceil(place / step) * step
}

/** Times by name; nothing for those whose turn depends on what nobody knows. Now: there is room already. */
function estimateStarts(
  line: readonly V1Pod[],
  pods: readonly V1Pod[],
  held: ReadonlyMap<string, Amounts>,
  { nodes = [], pools, nowMs }: LineView,
): ReadonlyMap<string, number> {
  const [first] = line
  const all = [...nodes]
  const usable = all.filter(
    (node) =>
      readNodeState(node) === 'up' &&
      hasLabels(node.metadata?.labels ?? {}, first?.spec?.nodeSelector ?? {}) &&
      toleratesNode(first?.spec?.tolerations ?? [], node),
  )
  if (usable.some((node) => canGrow(findPool(node, pools), all, pools))) return new Map()
  const free = new Map(
    usable.map((node) => {
      const name = node.metadata?.name ?? ''
      return [name, addAmounts(readAllocatable(node), held.get(name) ?? {}, -1)] as const
    }),
  )
  return simulate(line, free, listReleases(pods), nowMs)
}

/** A node that an autoscaler adds comes when it comes; a pool that is full is as one of fixed size. */
function canGrow(name: string, nodes: readonly V1Node[], pools: NodePools): boolean {
  const maximum = Object.hasOwn(pools, name) ? pools[name]?.maximum : undefined
  if (maximum === undefined) return false
  return nodes.filter((node) => findPool(node, pools) === name).length < maximum
}

interface Release {
  atMs: number
  node: string
  amounts: Amounts
}

function listReleases(pods: readonly V1Pod[]): Release[] {
  return pods.flatMap((pod) => {
    const { nodeName, activeDeadlineSeconds } = pod.spec ?? {}
    const began = new Date(pod.status?.startTime ?? Number.NaN).getTime()
    if (nodeName === undefined || activeDeadlineSeconds === undefined || Number.isNaN(began)) return []
    if (hasPodEnded(pod)) return []
    return [{ atMs: began + activeDeadlineSeconds * 1000, node: nodeName, amounts: sumRequests(pod) }]
  })
}

/** Goes from one known end to the next, and puts those in line where they fit. */
function simulate(
  line: readonly V1Pod[],
  free: Map<string, Amounts>,
  releases: Release[],
  nowMs: number,
): ReadonlyMap<string, number> {
  const starts = new Map<string, number>()
  let waiting = line
  // At first any node may have room, then only the one where something ended.
  let candidates = [...free.keys()]
  for (let moment = 0, atMs = nowMs; moment < mostMoments && waiting.length > 0; moment += 1) {
    waiting = waiting.filter((pod) => {
      const amounts = sumRequests(pod)
      const node = candidates.find((name) => fitsInto(amounts, free.get(name) ?? {}))
      if (node === undefined) return true
      free.set(node, addAmounts(free.get(node) ?? {}, amounts, -1))
      starts.set(pod.metadata?.name ?? '', atMs)
      const seconds = pod.spec?.activeDeadlineSeconds
      if (seconds !== undefined) releases.push({ atMs: atMs + seconds * 1000, node, amounts })
      return false
    })
    const next = takeNext(releases)
    if (next === undefined) break
    atMs = Math.max(atMs, next.atMs)
    const room = free.get(next.node)
    if (room !== undefined) free.set(next.node, addAmounts(room, next.amounts))
    candidates = room === undefined ? [] : [next.node]
  }
  return starts
}

function takeNext(releases: Release[]): Release | undefined {
  let at = 0
  for (const [index, { atMs }] of releases.entries()) if (atMs < (releases[at]?.atMs ?? 0)) at = index
  return releases.splice(at, 1)[0]
}
