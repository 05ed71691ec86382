import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type { V1Node, V1Pod } from '@kubernetes/client-node'

import { findMisfit } from './job-fit.ts'
import { buildLines, roundPlace } from './pod-line.ts'

const nowMs = Date.parse('2026-11-26T12:00:00Z')
const minuteMs = 60_000

function node(
  name: string,
  cpu: string,
  more: { labels?: Record<string, string>; gpu?: string } = {},
): V1Node {
  return {
    metadata: { name, labels: more.labels ?? { pool: 'fixed' } },
    spec: {},
    status: {
      conditions: [{ type: 'Ready', status: 'True' }],
      allocatable: { cpu, memory: '64Gi', ...(more.gpu === undefined ? {} : { 'nvidia.com/gpu': more.gpu }) },
    },
  }
}

interface PodWish {
  cpu?: string
  gpu?: string
  on?: string
  /** How long it may run; it began at `nowMs`. */
  minutes?: number
  priority?: number
  agoMs?: number
  selector?: Record<string, string>
}

function pod(
  name: string,
  { cpu = '1', gpu, on, minutes, priority, agoMs = 0, selector = { pool: 'fixed' } }: PodWish = {},
): V1Pod {
  const requests = { cpu, ...(gpu === undefined ? {} : { 'nvidia.com/gpu': gpu }) }
  return {
    metadata: {
      name,
      labels: { 'atrium.dev/job': name },
      creationTimestamp: new Date(nowMs - agoMs),
    },
    spec: {
      containers: [{ name: 'job', resources: { requests } }],
      nodeSelector: selector,
      ...(on === undefined ? {} : { nodeName: on }),
      ...(minutes === undefined ? {} : { activeDeadlineSeconds: minutes * 60 }),
      ...(priority === undefined ? {} : { priority }),
    },
    status: on === undefined ? { phase: 'Pending' } : { phase: 'Running', startTime: new Date(nowMs) },
  }
}

const fixed = { fixed: { nodeSelector: { pool: 'fixed' }, nodes: 1 } }

describe('the line of pods that wait', () => {
  test('places go by priority, then by age, for each pool by itself', () => {
    const lines = buildLines({
      pods: [
        pod('late', { agoMs: 1000 }),
        pod('early', { agoMs: 5000 }),
        pod('urgent', { priority: 10 }),
        pod('elsewhere', { selector: { pool: 'other' } }),
      ],
      nodes: [],
      pools: {},
      nowMs,
    })
    assert.deepEqual(
      ['urgent', 'early', 'late', 'elsewhere'].map((name) => lines.get(name)?.place),
      [1, 2, 3, 1],
    )
  })

  test('starts are estimated by the ends of what runs', () => {
    const lines = buildLines({
      pods: [
        pod('runs', { cpu: '2', on: 'n', minutes: 60 }),
        pod('second', { cpu: '2', agoMs: 1, minutes: 30 }),
        pod('first', { cpu: '2', agoMs: 2, minutes: 30 }),
        pod('small', { cpu: '1', minutes: 1 }),
      ],
      nodes: [node('n', '3')],
      pools: fixed,
      nowMs,
    })
    assert.equal(lines.get('first')?.estimatedStartMs, nowMs + 60 * minuteMs)
    assert.equal(lines.get('second')?.estimatedStartMs, nowMs + 90 * minuteMs)
    // It fits beside the one that runs.
    assert.deepEqual(lines.get('small'), { place: 3, isRoomTaken: true })
  })

  test('nothing is estimated where nobody knows: without time limits, or where nodes are added', () => {
    const endless = buildLines({
      pods: [pod('runs', { cpu: '3', on: 'n' }), pod('waits')],
      nodes: [node('n', '3')],
      pools: fixed,
      nowMs,
    })
    assert.deepEqual(endless.get('waits'), { place: 1, isRoomTaken: false })
    const growing = buildLines({
      pods: [pod('runs', { cpu: '3', on: 'n', minutes: 5 }), pod('waits')],
      nodes: [node('n', '3')],
      pools: { fixed: { nodeSelector: { pool: 'fixed' }, minimum: 0, maximum: 4 } },
      nowMs,
    })
    assert.deepEqual(growing.get('waits'), { place: 1, isRoomTaken: false })
    const full = buildLines({
      pods: [pod('runs', { cpu: '3', on: 'n', minutes: 5 }), pod('waits')],
      nodes: [node('n', '3')],
      pools: { fixed: { nodeSelector: { pool: 'fixed' }, minimum: 0, maximum: 1 } },
      nowMs,
    })
    assert.equal(full.get('waits')?.estimatedStartMs, nowMs + 5 * minuteMs)
  })

  test('of a thousand, those far behind are told about where they are, in reasonable time', () => {
    const pods = Array.from({ length: 2000 }, (_, at) => pod(`p${at}`, { agoMs: 2000 - at, minutes: 10 }))
    const nodes = Array.from({ length: 50 }, (_, at) => node(`n${at}`, '4'))
    const lines = buildLines({ pods, nodes, pools: fixed, nowMs })
    assert.deepEqual([roundPlace(20), roundPlace(21), roundPlace(201)], [20, 30, 300])
    assert.equal(lines.get('p1999')?.place, 2000)
  })
})

describe('what never fits', () => {
  const gpuPools = {
    gpu: {
      nodeSelector: { pool: 'gpu' },
      minimum: 0,
      maximum: 3,
      machine: { cpu: 8, memoryBytes: 2 ** 35, gpu: 2 },
    },
  }

  test('what no node of the pool could take is said with what the largest has', () => {
    const wanted = pod('p', { gpu: '8', selector: { pool: 'gpu' } })
    assert.deepEqual(findMisfit(wanted, 'gpu', { nodes: [], pools: gpuPools }), {
      isFinal: true,
      text: 'No node of pool gpu has 8 GPUs: the largest has 2 GPUs.',
    })
    assert.equal(findMisfit(pod('q', { gpu: '2' }), 'gpu', { nodes: [], pools: gpuPools }), undefined)
  })

  test('in a cluster whose pools nobody declared it is said, and may change', () => {
    const wanted = pod('p', { gpu: '1', selector: {} })
    assert.deepEqual(findMisfit(wanted, undefined, { nodes: [node('n', '4')], pools: {} }), {
      isFinal: false,
      text: 'No node of the cluster has 1 GPU: none has any.',
    })
  })

  test('nothing is said of nodes that are not known: those of an autoscaler, or all of them', () => {
    const unknown = { grows: { nodeSelector: { pool: 'fixed' }, maximum: 3 } }
    assert.equal(findMisfit(pod('p', { cpu: '99' }), 'grows', { nodes: [], pools: unknown }), undefined)
    assert.equal(findMisfit(pod('p', { cpu: '99' }), 'fixed', { nodes: undefined, pools: fixed }), undefined)
  })

  test('a static pool is judged once all of its nodes are there', () => {
    const two = { fixed: { nodeSelector: { pool: 'fixed' }, nodes: 2 } }
    const wanted = pod('p', { cpu: '99' })
    const one = findMisfit(wanted, 'fixed', { nodes: [node('a', '4')], pools: two })
    const both = findMisfit(wanted, 'fixed', { nodes: [node('a', '4'), node('b', '4')], pools: two })
    assert.deepEqual([one?.isFinal, both?.isFinal], [false, true])
  })

  test('amounts that are there only apart are named together', () => {
    const nodes = [node('big', '16'), node('gpus', '2', { gpu: '4' })]
    const text = findMisfit(pod('p', { cpu: '8', gpu: '2' }), 'fixed', { nodes, pools: fixed })?.text
    assert.equal(text, 'No node of pool fixed has all of 8 cores, 2 GPUs.')
  })
})
