import { joinWords } from './explain-place.ts'
import type { PodSaying } from './pod-news.ts'

export interface Growth {
  /** A sentence. */
  text: string
  /** A node is on its way. */
  comes: boolean
}

/** An autoscaler that has said nothing for so long works on something else. */
const validMs = 20 * 60_000

/**
 * What an autoscaler says of a pod that waits:
 * - cluster-autoscaler's `TriggeredScaleUp` and `NotTriggerScaleUp` (processors/status/eventing_scale_up_processor.go),
 * - Karpenter's `Nominated` and `FailedScheduling` (pkg/controllers/provisioning/scheduling/events.go).
 */
export function explainGrowth(saying: PodSaying | undefined, nowMs: number): Growth | undefined {
  if (saying === undefined || nowMs - saying.atMs > validMs) return undefined
  const { reason, message } = saying
  switch (reason) {
    case 'TriggeredScaleUp':
      return { comes: true, text: `A node is being added for it${describeGroups(message)}.` }
    case 'Nominated':
      return { comes: true, text: `A node is being prepared for it${describeClaim(message)}.` }
    case 'NotTriggerScaleUp':
      return { comes: false, text: explainRefusal(message) }
    default:
      return {
        comes: false,
        text: `Karpenter adds no node for it: ${shorten(message.replace(/^Failed to schedule pod, /, ''))}.`,
      }
  }
}

/** `pod triggered scale-up: [{gpu-pool 0->1 (max: 10)}]` */
function describeGroups(message: string): string {
  const groups = [...message.matchAll(/\{(\S+) (\d+)->(\d+) \(max: (\d+)\)\}/g)]
  const parts = groups.map(
    ([, group = '', from, to, most]) => `${shortName(group)}: ${from} to ${to} of at most ${most}`,
  )
  return parts.length === 0 ? '' : ` (${parts.join('; ')})`
}

/** On some clouds an address: its last part is the name. */
function shortName(group: string): string {
  return group.split('/').at(-1) ?? group
}

/** `Pod should schedule on: nodeclaim/default-x7k2p, node/…` */
function describeClaim(message: string): string {
  const [, name] = /(?:nodeclaim|node)\/([^\s,]+)/.exec(message) ?? []
  return name === undefined ? '' : ` (${name})`
}

const refusals: readonly (readonly [RegExp, string])[] = [
  [/^max node group size reached$/, 'full: as large as they may become'],
  [/^max cluster (cpu|memory) limit reached$/, "at the cluster's limit of $1"],
  [/^in backoff after failed scale-up$/, 'resting after a node did not come'],
  [/^Insufficient cpu$/, 'too small in cores'],
  [/^Insufficient memory$/, 'too small in memory'],
  [/^Insufficient .*\/(gpu|gaudi|mig-.*|i915|xe)$/, 'without enough GPUs'],
  [/^node\(s\) didn't match Pod's node affinity\/selector$/, 'of other nodes than it needs'],
  [/^node\(s\) had untolerated taint.*$/, 'kept for other work'],
  [/^not ready for scale-up$/, 'not ready'],
]

/** `pod didn't trigger scale-up: 1 max node group size reached, 2 Insufficient cpu` */
function explainRefusal(message: string): string {
  const reasons = message.replace(/^pod didn't trigger scale-up:?\s*/, '')
  if (/max total nodes in cluster reached/.test(reasons))
    return 'No node is added: the cluster has as many as it may.'
  const parts = reasons.split(/, (?=\d+ )/).flatMap((part) => {
    const [, count, what = ''] = /^(\d+) (.*)$/s.exec(part) ?? []
    if (count === undefined) return []
    const known = refusals.find(([pattern]) => pattern.test(what))
    return [`${count} ${known === undefined ? `not usable (${what})` : what.replace(known[0], known[1])}`]
  })
  return parts.length === 0
    ? 'The autoscaler adds no node for it.'
    : `The autoscaler adds no node for it: of its groups, ${joinWords(parts)}.`
}

const longest = 300

function shorten(text: string): string {
  return text.length <= longest ? text.replace(/\.$/, '') : `${text.slice(0, longest)}…`
}
