import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type { V1Node, V1Pod } from '@kubernetes/client-node'

import type { KubernetesSchedulerConfig, NodePoolPlace } from './kubernetes-config.ts'
import { buildCapacity } from './read-capacity.ts'

const gibibyte = 2 ** 30

function node(
  name: string,
  more: { labels?: Record<string, string>; spec?: object; ready?: string; gpu?: string } = {},
): V1Node {
  const { labels = {}, spec = {}, ready = 'True', gpu } = more
  return {
    metadata: { name, labels },
    spec,
    status: {
      conditions: [{ type: 'Ready', status: ready }],
      allocatable: { cpu: '3920m', memory: '8Gi', pods: '110', ...(gpu === undefined ? {} : gpuOf(gpu)) },
    },
  }
}

const gpuOf = (text: string) => {
  const [name = '', count = ''] = text.split('=')
  return { [name]: count }
}

function pod(
  nodeName: string,
  requests: Record<string, string>,
  more: { labels?: Record<string, string>; phase?: string } = {},
): V1Pod {
  const { labels = { 'atrium.dev/job': 'j' }, phase = 'Running' } = more
  return {
    metadata: { labels },
    spec: { nodeName, containers: [{ name: 'job', resources: { requests } }] },
    status: { phase },
  }
}

interface View {
  nodes: readonly V1Node[] | undefined
  pods: readonly V1Pod[]
  pools: Readonly<Record<string, NodePoolPlace>>
}

function look({ nodes, pods, pools }: View) {
  return buildCapacity({ nodePools: pools } as unknown as KubernetesSchedulerConfig, nodes, pods)
}

describe('capacity of a Kubernetes cluster', () => {
  const pools = {
    gpu: {
      nodeSelector: { 'example.org/pool': 'gpu' },
      minimum: 0,
      maximum: 4,
      machine: { cpu: 8, memoryBytes: 32 * gibibyte, gpu: 2 },
      spot: true,
    },
    fixed: { nodeSelector: { rack: '7' }, nodes: 3 },
  }

  test('a pool without a node is shown with what could be added', () => {
    const { pools: found } = look({ nodes: [], pods: [], pools })
    assert.deepEqual(found[0], {
      name: 'gpu',
      canGrowBy: 4,
      nodes: 0,
      minimum: 0,
      maximum: 4,
      machine: { cpu: 8, memoryBytes: 32 * gibibyte, gpu: 2 },
      spot: true,
    })
    assert.deepEqual([found[1]?.canGrowBy, found[1]?.nodes, found[1]?.maximum], [0, 0, 3])
  })

  test('nodes belong to the pool that was declared for their labels, else to what their provider calls it', () => {
    const { nodes, pools: found } = look({
      nodes: [
        node('a', { labels: { 'example.org/pool': 'gpu' } }),
        node('b', { labels: { 'cloud.google.com/gke-nodepool': 'cheap' } }),
        node('c'),
      ],
      pods: [],
      pools,
    })
    assert.deepEqual(
      nodes.map(({ pool }) => pool),
      ['gpu', 'cheap', 'default'],
    )
    assert.equal(found.find(({ name }) => name === 'gpu')?.canGrowBy, 3)
  })

  test('nodes that are closed, leaving or silent are not up, and those of the cluster itself run no jobs', () => {
    const { nodes } = look({
      nodes: [
        node('open'),
        node('cordoned', { spec: { unschedulable: true } }),
        node('leaving', { spec: { taints: [{ key: 'karpenter.sh/disrupted', effect: 'NoSchedule' }] } }),
        node('down', { ready: 'False' }),
        node('lost', { ready: 'Unknown' }),
        node('masters', {
          spec: { taints: [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }] },
        }),
      ],
      pods: [],
      pools: {},
    })
    assert.deepEqual(
      nodes.map(({ name, state }) => [name, state]),
      [
        ['open', 'up'],
        ['cordoned', 'draining'],
        ['leaving', 'draining'],
        ['down', 'down'],
        ['lost', 'unknown'],
      ],
    )
  })

  test('used is what live jobs ask for; seats kept warm are free; GPUs of any make count', () => {
    const { nodes } = look({
      nodes: [node('n', { gpu: 'amd.com/gpu=4' })],
      pods: [
        pod('n', { cpu: '500m', memory: '1Gi', 'amd.com/gpu': '1' }),
        pod('n', { cpu: '1', memory: '1Gi' }, { phase: 'Succeeded' }),
        pod('n', { cpu: '1', memory: '1Gi' }, { labels: { 'atrium.dev/seat': 'gpu' } }),
        pod('n', { cpu: '250m', memory: '0' }, { labels: { 'atrium.dev/peer-of': 'j' } }),
      ],
      pools: {},
    })
    const [found] = nodes
    assert.deepEqual(
      [found?.cpu, found?.cpuUsed, found?.memoryBytes, found?.memoryUsedBytes, found?.gpu, found?.gpuUsed],
      [3.92, 0.75, 8 * gibibyte, gibibyte, 4, 1],
    )
  })

  test('of seats kept warm those that run are ready', () => {
    const labels = { 'atrium.dev/seat': 'warm' }
    const { pools: found } = look({
      nodes: [],
      pods: [pod('n', {}, { labels }), pod('n', {}, { labels, phase: 'Pending' })],
      pools: {
        warm: { nodeSelector: { a: 'b' }, maximum: 2, placeholders: { count: 3, cpu: 1, memoryBytes: 1 } },
      },
    })
    assert.deepEqual(found[0]?.seats, { wanted: 3, ready: 1 })
  })

  test('without the right to see nodes it says so, and still knows what was declared', () => {
    const { nodes, pools: found, notes } = look({ nodes: undefined, pods: [], pools })
    assert.deepEqual(nodes, [])
    assert.deepEqual(
      found.map(({ name, canGrowBy, nodes: count }) => [name, canGrowBy, count]),
      [
        ['gpu', 0, undefined],
        ['fixed', 0, undefined],
      ],
    )
    assert.match(notes?.[0] ?? '', /no right to list them/)
  })
})
