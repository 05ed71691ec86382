import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { parseAccounting } from './accounting-parse.ts'
import { parseLimits } from './limits-parse.ts'
import { expandTasks, parseJobs, parseNodes } from './slurm-parse.ts'

const nowMs = 1_795_678_960_000

/** As `squeue --json` of 22.05.8 wrote them, fields that nobody reads left out. */
const jobsOf2205 = {
  jobs: [
    {
      ...{ job_id: 3, array_job_id: 1, array_task_id: 0, array_task_string: '', job_state: 'RUNNING' },
      ...{
        state_reason: 'None',
        comment: 'atrium i k1 k2',
        user_id: 2001,
        user_name: 'alice',
        group_id: 2001,
      },
      ...{ batch_host: 'n1', exit_code: 0, start_time: 1_795_678_959, end_time: 1_827_214_959 },
      ...{ submit_time: 1_795_678_959, priority: 1, tres_alloc_str: 'cpu=1,mem=200M,node=1,billing=1' },
      ...{ node_count: 1, restart_cnt: 0, name: 'atrium-x', partition: 'main' },
    },
    {
      ...{ job_id: 2, array_job_id: 0, array_task_id: null, array_task_string: '', job_state: 'FAILED' },
      ...{ state_reason: 'NonZeroExitCode', comment: '', user_id: 2001, user_name: 'alice', group_id: 2001 },
      ...{ batch_host: 'n1', exit_code: 768, start_time: 1_795_678_959, end_time: 1_795_678_959 },
      ...{ submit_time: 1_795_678_959, priority: 1, tres_alloc_str: '', node_count: 1, restart_cnt: 0 },
    },
    {
      ...{ job_id: 1, array_job_id: 1, array_task_id: null, array_task_string: '1-2,5%1' },
      ...{
        job_state: 'PENDING',
        state_reason: 'JobArrayTaskLimit',
        comment: 'atrium i k1 k2',
        user_id: 2001,
      },
      ...{ user_name: 'alice', group_id: 2001, batch_host: '', exit_code: 0, start_time: 0, end_time: 0 },
      ...{ submit_time: 1_795_678_959, priority: 1, tres_alloc_str: '', node_count: 1, restart_cnt: 0 },
    },
  ],
}

const number = (value: number) => ({ set: true, infinite: false, number: value })
const unset = { set: false, infinite: false, number: 0 }

/** As data parsers from 0.0.40 on write them. */
const jobsOf2311 = {
  jobs: [
    {
      ...{ job_id: 7, array_job_id: number(0), array_task_id: unset, array_task_string: '' },
      ...{ job_state: ['COMPLETED', 'COMPLETING'], state_reason: 'None', comment: 'atrium i k3' },
      ...{ user_id: 2001, user_name: 'alice', group_id: 2001, batch_host: 'n2', node_count: number(1) },
      exit_code: {
        status: ['SIGNALED'],
        return_code: unset,
        signal: { id: number(9), name: 'Killed' },
      },
      ...{
        start_time: number(1_795_678_959),
        end_time: number(1_795_679_959),
        submit_time: number(1_795_678_950),
      },
      ...{ priority: number(4_294_901_756), tres_alloc_str: 'cpu=2', restart_cnt: 0, partition: 'main' },
    },
    {
      ...{ job_id: 9, array_job_id: number(9), array_task_id: unset, array_task_string: '0-1' },
      ...{ job_state: ['PENDING'], state_reason: 'Priority', user_id: 2001, start_time: number(0) },
      ...{ end_time: { set: true, infinite: true, number: 0 } },
    },
  ],
}

describe('jobs', () => {
  test('of 22.05, each task of an array by itself', () => {
    const jobs = parseJobs(jobsOf2205, nowMs)
    assert.deepEqual(
      jobs.map(({ ref, states, exitCode }) => [ref, states[0], exitCode]),
      [
        ['1_0', 'RUNNING', 0],
        ['2', 'FAILED', 3],
        ['1_1', 'PENDING', 0],
        ['1_2', 'PENDING', 0],
        ['1_5', 'PENDING', 0],
      ],
    )
    const [running, , pending] = jobs
    assert.equal(running?.startMs, 1_795_678_959_000)
    assert.equal(running?.endMs, undefined, 'a year from now is no end')
    assert.equal(running?.node, 'n1')
    assert.equal(pending?.node, undefined)
    assert.equal(pending?.startMs, undefined)
  })

  test('of 23.11 and later', () => {
    const [completing, first, second] = parseJobs(jobsOf2311, nowMs)
    assert.deepEqual(completing?.states, ['COMPLETED', 'COMPLETING'])
    assert.equal(completing?.ref, '7')
    assert.equal(completing?.signal, 9)
    assert.equal(completing?.endMs, 1_795_679_959_000)
    assert.deepEqual([first?.ref, second?.ref], ['9_0', '9_1'])
    assert.equal(first?.endMs, undefined)
  })

  test('of an answer without any', () => {
    assert.deepEqual(parseJobs({}, nowMs), [])
    assert.deepEqual(parseJobs(null, nowMs), [])
  })

  test('tasks of an array that wait', () => {
    assert.deepEqual(expandTasks('0-3,7,10-20:5%2'), [0, 1, 2, 3, 7, 10, 15, 20])
    assert.deepEqual(expandTasks('1,3,...'), [1, 3])
  })
})

test('nodes, with GPUs of any kind', () => {
  const [node, cloud] = parseNodes({
    nodes: [
      {
        ...{
          name: 'n1',
          state: 'mixed',
          state_flags: ['DRAIN'],
          partitions: ['main', 'low'],
          cpus: 8,
          alloc_cpus: 2,
        },
        ...{
          real_memory: 4000,
          alloc_memory: 400,
          gres: 'gpu:a100:2(S:0-1),shard:8,gpu:1',
          gres_used: 'gpu:a100:1(IDX:0)',
        },
      },
      { name: 'c1', state: ['IDLE', 'CLOUD', 'POWERED_DOWN'], partitions: ['cloud'], cpus: 2, gres_used: [] },
    ],
  })
  assert.deepEqual(node, {
    ...{ name: 'n1', states: ['mixed', 'drain'], partitions: ['main', 'low'], cpus: 8, cpusUsed: 2 },
    ...{ memoryMiB: 4000, memoryUsedMiB: 400, gpus: 3, gpusUsed: 1 },
  })
  assert.deepEqual(cloud?.states, ['idle', 'cloud', 'powered_down'])
})

test('accounting: states with who cancelled, signals, lines that are none', () => {
  const jobs = parseAccounting(
    [
      '12_3|CANCELLED by 1000|0:15|1795678950|1795678959|1795678969|1|cpu=1,mem=200M|None|2001|2001|alice|main|n[2-3]',
      '13|OUT_OF_MEMORY|0:125|1795678950|1795678959|1795678969|1|cpu=1|None|2001|2001|alice|main|n1',
      '14|PENDING|0:0|1795678950|Unknown|Unknown|1||Priority|2001|2001|alice|main|None assigned',
      'something else',
      '',
    ].join('\n'),
  )
  assert.deepEqual(
    jobs.map(({ ref, states, signal, endMs, node }) => [ref, states[0], signal, endMs, node]),
    [
      ['12_3', 'CANCELLED', 15, 1_795_678_969_000, 'n2'],
      ['13', 'OUT_OF_MEMORY', 125, 1_795_678_969_000, 'n1'],
      ['14', 'PENDING', undefined, undefined, undefined],
    ],
  )
})

test('what a cluster enforces', () => {
  const config = (cores: string, memory: string, plugin = 'task/cgroup,task/affinity') =>
    `TaskPlugin              = ${plugin}\nCgroup Support Configuration:\nConstrainCores          = ${cores}\nConstrainRAMSpace       = ${memory}\n`
  assert.deepEqual(parseLimits(config('yes', 'yes')).memory, true)
  assert.deepEqual(parseLimits(config('no', 'yes')), {
    cpu: false,
    memory: true,
    why: 'cgroup.conf of the cluster lacks ConstrainCores=yes',
    wholeCores: true,
  })
  assert.equal(parseLimits(config('yes', 'yes', 'task/affinity')).memory, false)
})
