import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type { JobSpec } from '#scheduler/job.ts'

import type { NodePoolPlace } from './kubernetes-config.ts'
import { buildEvictionWishes, buildPlacement } from './pod-placement.ts'
import { describeProviderPool } from './provider-pools.ts'

const spot: NodePoolPlace = { ...describeProviderPool('gke', 'cheap', { spot: true }), spot: true }
const plain: NodePoolPlace = { nodeSelector: { pool: 'plain' }, tolerations: [] }

function place(pools: Record<string, NodePoolPlace>, spec: Partial<JobSpec>) {
  const config = { nodePools: pools } as unknown as Parameters<typeof buildPlacement>[0]
  return buildPlacement(config, { resources: {}, ...spec } as JobSpec)
}

describe('where pods go', () => {
  test('a job of a pool goes to its nodes alone, past their taints', () => {
    assert.deepEqual(place({ cheap: spot, plain }, { nodePool: 'cheap', preemptible: true }), {
      nodeSelector: { 'cloud.google.com/gke-nodepool': 'cheap', 'cloud.google.com/gke-spot': 'true' },
      tolerations: [
        { key: 'cloud.google.com/gke-spot', operator: 'Equal', value: 'true', effect: 'NoSchedule' },
      ],
    })
  })

  test('what must not be interrupted is kept off nodes that can be taken away, even untainted ones', () => {
    const { affinity, tolerations } = place({ cheap: spot, plain }, {})
    assert.equal(tolerations, undefined)
    // Lacking either label a node is not of that pool.
    assert.deepEqual(
      affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms,
      [
        {
          matchExpressions: [{ key: 'cloud.google.com/gke-nodepool', operator: 'NotIn', values: ['cheap'] }],
        },
        { matchExpressions: [{ key: 'cloud.google.com/gke-spot', operator: 'NotIn', values: ['true'] }] },
      ],
    )
  })

  test("a profile's own affinity holds beside that", () => {
    const mine = { key: 'zone', operator: 'In', values: ['a'] }
    const required = { nodeSelectorTerms: [{ matchExpressions: [mine] }] }
    const own = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } }
    const { affinity } = place(
      { eks: { nodeSelector: { group: 'spot' }, spot: true } },
      { pod: { affinity: own } },
    )
    assert.deepEqual(
      affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms,
      [{ matchExpressions: [mine, { key: 'group', operator: 'NotIn', values: ['spot'] }] }],
    )
  })

  test('what may be interrupted rather goes to them, and elsewhere when they are full', () => {
    const { affinity, tolerations, nodeSelector } = place({ cheap: spot, plain }, { preemptible: true })
    assert.equal(nodeSelector, undefined)
    assert.equal(tolerations?.[0]?.key, 'cloud.google.com/gke-spot')
    assert.equal(affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution?.length, 1)
    assert.equal(affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution, undefined)
  })

  test('GPUs are reached past the taint that keeps others off them', () => {
    assert.deepEqual(place({}, { resources: { gpu: 1 }, pod: { gpuResource: 'amd.com/gpu' } }).tolerations, [
      { key: 'amd.com/gpu', operator: 'Exists', effect: 'NoSchedule' },
    ])
  })

  test('each provider names its pools and spot nodes in its own way', () => {
    const labelsOf = (...pool: Parameters<typeof describeProviderPool>) =>
      describeProviderPool(...pool).nodeSelector
    assert.deepEqual(labelsOf('eks', 'a', { spot: true }), {
      'eks.amazonaws.com/nodegroup': 'a',
      'eks.amazonaws.com/capacityType': 'SPOT',
    })
    assert.deepEqual(labelsOf('aks', 'a', { spot: true }), {
      'kubernetes.azure.com/agentpool': 'a',
      'kubernetes.azure.com/scalesetpriority': 'spot',
    })
    assert.deepEqual(labelsOf('digitalocean', 'a'), { 'doks.digitalocean.com/node-pool': 'a' })
    assert.deepEqual(labelsOf('karpenter', 'a', { spot: true }), {
      'karpenter.sh/nodepool': 'a',
      'karpenter.sh/capacity-type': 'spot',
    })
  })

  test('nodes are not emptied to save money while a job runs there, unless it may be interrupted', () => {
    assert.deepEqual(buildEvictionWishes({} as JobSpec), {
      'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false',
      'karpenter.sh/do-not-disrupt': 'true',
    })
    assert.deepEqual(buildEvictionWishes({ preemptible: true } as JobSpec), {
      'cluster-autoscaler.kubernetes.io/safe-to-evict': 'true',
    })
  })
})
