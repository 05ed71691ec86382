import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { explainGrowth } from './explain-growth.ts'
import { explainPlace, nameTaints } from './explain-place.ts'
import type { PodSaying } from './pod-news.ts'

/** Messages as the real scheduler 1.34 wrote them on the test cluster, and as its sources have them. */
describe('why no node will do', () => {
  const said: readonly (readonly [string, string])[] = [
    [
      '0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.',
      'No node has room for it now: of 3, 1 has too few free cores and 2 have been closed to new jobs.',
    ],
    [
      "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
      'No node has room for it now: of 1, 1 has other labels than it needs.',
    ],
    [
      '0/2 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/unreachable: }, 1 node(s) had untolerated taint {team: astro}.',
      'No node has room for it now: of 2, 1 has stopped answering and 1 has been kept for other work (team).',
    ],
    [
      '0/1 nodes are available: 1 Insufficient nvidia.com/gpu.',
      'No node has room for it now: of 1, 1 has no free GPU.',
    ],
    [
      '0/1 nodes are available: persistentvolumeclaim "homes" not found. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.',
      'Its storage is not there: the claim homes does not exist.',
    ],
    ['0/0 nodes are available: .', 'The cluster has no node now.'],
    ['no nodes available to schedule pods', 'The cluster has no node now.'],
    [
      '0/1 nodes are available: 1 something new.',
      'No node has room for it now: of 1, 1 has the obstacle "something new".',
    ],
    ['words of another scheduler', 'words of another scheduler'],
  ]
  for (const [message, expected] of said)
    test(expected, () => {
      assert.equal(explainPlace(message), expected)
    })
})

test('taints that the scheduler counts, and does not name, are named', () => {
  const tolerations = [{ key: 'team', operator: 'Equal', value: 'physics' }]
  const pod = { spec: { containers: [], tolerations } }
  const tainted = (key: string, value = '', more = {}) => ({
    spec: { taints: [{ key, value, effect: 'NoSchedule' }], ...more },
  })
  const nodes = [
    tainted('team', 'physics'),
    tainted('team', 'biology'),
    tainted('node.kubernetes.io/memory-pressure'),
    tainted('node.kubernetes.io/unschedulable', '', { unschedulable: true }),
  ]
  const message =
    '0/4 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable, 2 node(s) had untolerated taint(s). preemption: no.'
  assert.equal(
    explainPlace(nameTaints(message, pod, nodes)),
    'No node has room for it now: of 4, 1 has too few free cores, 1 has been closed to new jobs, 1 has been kept for other work (team) and 1 has run short of memory.',
  )
  assert.equal(nameTaints(message, pod, nodes.slice(2)), message)
})

describe('what an autoscaler says', () => {
  const nowMs = Date.parse('2026-11-26T12:00:00Z')
  const say = (reason: string, by: string, message: string, agoMs = 1000): PodSaying => ({
    ...{ reason, by, message },
    atMs: nowMs - agoMs,
  })

  test('cluster-autoscaler adds a node', () => {
    const message =
      'pod triggered scale-up: [{https://www.googleapis.com/compute/v1/projects/p/zones/z/instanceGroups/gke-gpu-grp 1->2 (max: 20)}]'
    assert.deepEqual(explainGrowth(say('TriggeredScaleUp', 'cluster-autoscaler', message), nowMs), {
      comes: true,
      text: 'A node is being added for it (gke-gpu-grp: 1 to 2 of at most 20).',
    })
  })

  test('cluster-autoscaler adds none, and why', () => {
    const message = "pod didn't trigger scale-up: 1 max node group size reached, 2 Insufficient cpu"
    assert.deepEqual(explainGrowth(say('NotTriggerScaleUp', 'cluster-autoscaler', message), nowMs), {
      comes: false,
      text: 'The autoscaler adds no node for it: of its groups, 1 full: as large as they may become and 2 too small in cores.',
    })
  })

  test('Karpenter prepares a node, or cannot', () => {
    assert.deepEqual(
      explainGrowth(say('Nominated', 'karpenter', 'Pod should schedule on: nodeclaim/default-x7k2p'), nowMs),
      { comes: true, text: 'A node is being prepared for it (default-x7k2p).' },
    )
    const refused = explainGrowth(
      say('FailedScheduling', 'karpenter', 'Failed to schedule pod, incompatible with nodepool "default"'),
      nowMs,
    )
    assert.deepEqual(refused, {
      comes: false,
      text: 'Karpenter adds no node for it: incompatible with nodepool "default".',
    })
  })

  test('what was said long ago says nothing of now', () => {
    const old = say('Nominated', 'karpenter', 'Pod should schedule on: nodeclaim/a', 3_600_000)
    assert.equal(explainGrowth(old, nowMs), undefined)
    assert.equal(explainGrowth(undefined, nowMs), undefined)
  })
})
