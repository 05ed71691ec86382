import type { V1Node, V1Pod } from '@kubernetes/client-node'

import { findUntolerated } from './tolerations.ts'

/** Words of kube-scheduler and its plugins (`ErrReason…` in pkg/scheduler/framework/plugins), each after a count of nodes. */
const obstacles: readonly (readonly [RegExp, string])[] = [
  [/^Insufficient cpu$/, 'too few free cores'],
  [/^Insufficient memory$/, 'too little free memory'],
  [/^Insufficient ephemeral-storage$/, 'too little free disk'],
  [/^Insufficient .*\/(gpu|gaudi|mig-.*|i915|xe)$/, 'no free GPU'],
  [/^Insufficient (.+)$/, 'too little free $1'],
  [/^Too many pods$/, 'no room for another pod'],
  [/^node\(s\) didn't match Pod's node affinity\/selector$/, 'other labels than it needs'],
  [/^node\(s\) didn't match pod affinity rules$/, 'other neighbours than it needs'],
  [/^node\(s\) didn't match pod anti-affinity rules$/, 'neighbours that it avoids'],
  [/^node\(s\) were unschedulable$/, 'been closed to new jobs'],
  [
    /^node\(s\) had untolerated taint \{node\.kubernetes\.io\/(not-ready|unreachable)[^}]*\}$/,
    'stopped answering',
  ],
  [
    /^node\(s\) had untolerated taint \{node\.kubernetes\.io\/unschedulable[^}]*\}$/,
    'been closed to new jobs',
  ],
  [
    /^node\(s\) had untolerated taint \{node\.kubernetes\.io\/(memory|disk|pid)-pressure[^}]*\}$/,
    'run short of $1',
  ],
  [/^node\(s\) had untolerated taint \{([^:}]+)[^}]*\}$/, 'been kept for other work ($1)'],
  [/^node\(s\) had untolerated taint\(s\)$/, 'been kept for other work'],
  [/^node\(s\) had volume node affinity conflict$/, 'no way to its storage'],
  [/^node\(s\) exceed max volume count$/, 'as many volumes as they may'],
  [/^node\(s\) didn't have free ports for the requested pod ports$/, 'the port taken'],
]

/** Troubles that no node could help with. */
const troubles: readonly (readonly [RegExp, string])[] = [
  [/persistentvolumeclaim "([^"]+)" not found/, 'Its storage is not there: the claim $1 does not exist.'],
  [/persistentvolumeclaim "([^"]+)" is being deleted/, 'Its storage is being removed: the claim $1.'],
  [/unbound immediate PersistentVolumeClaims/, 'Its storage is being made: a claim has no volume yet.'],
  [/no nodes available to schedule pods/, 'The cluster has no node now.'],
  [/0\/0 nodes are available/, 'The cluster has no node now.'],
]

/**
 * The scheduler's `FailedScheduling` (`0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable. preemption: …`) in words
 * for the person who waits. What is not known here stands as it is; its advice on preemption is left out.
 */
export function explainPlace(message: string): string {
  const [, text = message] = /^(.*?)\.?(?:\. |\s+preemption:|$)/s.exec(message.trim()) ?? []
  for (const [pattern, words] of troubles) {
    const match = pattern.exec(text)
    if (match !== null) return words.replace('$1', match[1] ?? '')
  }
  const [, total, rest] = /^0\/(\d+) nodes are available: (.*?)\.?$/s.exec(text) ?? []
  if (total === undefined || rest === undefined) return text
  const parts = rest.split(/, (?=\d+ )/).flatMap((part) => {
    const [, count, what] = /^(\d+) (.*)$/s.exec(part) ?? []
    return what === undefined ? [] : [`${count} ${count === '1' ? 'has' : 'have'} ${explainObstacle(what)}`]
  })
  if (parts.length === 0) return text
  return `No node has room for it now: of ${total}, ${joinWords(parts)}.`
}

/**
 * Since 1.34 the scheduler counts nodes with taints and does not say which: they are put in as it used to word them. The message as it is
 * where nodes cannot be seen, or are others by now.
 */
export function nameTaints(message: string, pod: V1Pod, nodes: Iterable<V1Node> = []): string {
  const [words, count] = /\b(\d+) node\(s\) had untolerated taint\(s\)/.exec(message) ?? []
  if (words === undefined) return message
  const counts = new Map<string, number>()
  for (const node of nodes) {
    const taint = findUntolerated(pod.spec?.tolerations ?? [], node)
    if (taint === undefined || node.spec?.unschedulable === true) continue
    const named = `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`
    counts.set(named, (counts.get(named) ?? 0) + 1)
  }
  const total = [...counts.values()].reduce((sum, each) => sum + each, 0)
  if (total !== Number(count)) return message
  return message.replace(words, [...counts].map(([named, each]) => `${each} ${named}`).join(', '))
}

function explainObstacle(what: string): string {
  for (const [pattern, words] of obstacles) if (pattern.test(what)) return what.replace(pattern, words)
  return `the obstacle "${what}"`
}

export function joinWords(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`
}
