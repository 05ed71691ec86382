import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type { JobPlacement } from '#scheduler/job-placement.ts'
import { buildObservation, hasEnded } from './job-states.ts'
import type { SlurmJob } from './slurm-client.ts'
import { buildSlurmJob } from './testing/slurm-job.ts'

const nowMs = 1_800_000_000_000
const claimed: JobPlacement = { uid: 2001, ref: '17', claimedBy: '17' }

const buildJob = (states: SlurmJob['states'], more: Partial<SlurmJob> = {}) =>
  buildSlurmJob({ states, ...more })

const observe = (job: SlurmJob, placement: JobPlacement = claimed) =>
  buildObservation(job, placement, { nowMs })

describe("Slurm's states", () => {
  // Every base state and flag of slurm.h, as 22.05 writes them (one word) and as later versions do (a list).
  const seen: readonly [SlurmJob['states'], string, string?][] = [
    [['PENDING'], 'pending'],
    [['CONFIGURING'], 'pending'],
    [['RUNNING', 'CONFIGURING'], 'pending'],
    [['RUNNING', 'POWER_UP_NODE'], 'pending'],
    [['RUNNING'], 'running'],
    [['SUSPENDED'], 'running'],
    [['RUNNING', 'STOPPED'], 'running'],
    [['RUNNING', 'SIGNALING'], 'running'],
    [['RUNNING', 'RESIZING'], 'running'],
    [['COMPLETING'], 'running'],
    [['COMPLETED', 'COMPLETING'], 'running'],
    [['COMPLETED', 'STAGE_OUT'], 'running'],
    [['REQUEUED'], 'pending'],
    [['PENDING', 'REQUEUED'], 'pending'],
    [['PENDING', 'REQUEUE_FED'], 'pending'],
    [['REQUEUE_HOLD'], 'pending'],
    [['PENDING', 'SPECIAL_EXIT'], 'pending'],
    [['PENDING', 'RESV_DEL_HOLD'], 'pending'],
    [['PENDING', 'LAUNCH_FAILED'], 'pending'],
    [['RUNNING', 'UPDATE_DB'], 'running'],
    [['RUNNING', 'EXPEDITING'], 'running'],
    [['COMPLETED'], 'ended', 'exit_status'],
    [['FAILED'], 'ended', 'exit_status'],
    [['CANCELLED'], 'ended', 'cancelled'],
    [['TIMEOUT'], 'ended', 'time_limit'],
    [['DEADLINE'], 'ended', 'time_limit'],
    [['NODE_FAIL'], 'ended', 'node_lost'],
    [['BOOT_FAIL'], 'ended', 'node_lost'],
    [['PREEMPTED'], 'ended', 'preempted'],
    [['OUT_OF_MEMORY'], 'ended', 'out_of_memory'],
    [['PENDING', 'REVOKED'], 'ended', 'not_observed'],
    [['A_STATE_OF_THE_FUTURE'], 'running'],
  ]
  for (const [states, state, reason] of seen) {
    test(`${states.join('+')}: ${state}`, () => {
      const observation = observe(buildJob(states, { exitCode: 0 }))
      assert.equal(observation.state, state)
      assert.equal(hasEnded(buildJob(states)), state === 'ended')
      if (observation.state !== 'ended') return
      assert.equal(observation.exit.reason, reason)
      assert.match(observation.exit.message, /^[A-Z].*\.$/)
    })
  }

  test('a job whose node boots waits for it, and says so', () => {
    const seen = observe(buildJob(['RUNNING', 'CONFIGURING'], { node: 'c1' }))
    assert.equal(
      seen.state === 'pending' && seen.reason,
      'Its node (c1) is being started, which can take some minutes.',
    )
  })

  test('a job that Slurm runs is starting until its launcher has it', () => {
    const placement = { uid: 2001, ref: '17' }
    assert.deepEqual(observe(buildJob(['RUNNING'], { node: 'n1' }), placement), {
      state: 'starting',
      node: 'n1',
    })
  })

  test('a suspended one keeps its endpoint and says why it does not answer', () => {
    const observation = observe(buildJob(['SUSPENDED']), {
      ...claimed,
      host: '10.0.0.1',
      ports: { http: 4711 },
    })
    assert.ok(observation.state === 'running')
    assert.deepEqual(observation.endpoint, { host: '10.0.0.1', ports: { http: 4711 } })
    assert.match(observation.reason ?? '', /suspended/)
  })

  test('a pending one says why, when it may start, and its place', () => {
    const job = buildJob(['PENDING'], { reason: 'Resources', startMs: nowMs + 60_000 })
    assert.deepEqual(buildObservation(job, claimed, { nowMs, place: 2 }), {
      state: 'pending',
      reason: 'It is next: Slurm waits until enough cores and memory are free.',
      estimatedStartMs: nowMs + 60_000,
      place: 2,
    })
  })

  test('an estimate that has passed is none', () => {
    const observation = observe(buildJob(['PENDING'], { startMs: nowMs - 1 }))
    assert.ok(observation.state === 'pending' && observation.estimatedStartMs === undefined)
  })
})

describe('how a job ended', () => {
  const endOf = (
    job: Partial<SlurmJob>,
    placement: JobPlacement,
    states: SlurmJob['states'] = ['FAILED'],
  ) => {
    const observation = observe(buildJob(states, job), placement)
    assert.ok(observation.state === 'ended')
    return observation.exit
  }

  test('is what its launcher saw', () => {
    const exit = endOf({ exitCode: 9 }, { ...claimed, exit: { signal: 'SIGKILL', atMs: nowMs } })
    assert.deepEqual(exit, {
      state: 'failed',
      signal: 'SIGKILL',
      reason: 'exit_status',
      message: 'It was ended by SIGKILL.',
    })
  })

  test("is Slurm's word when the launcher could not say", () => {
    assert.equal(endOf({ exitCode: 3 }, claimed).message, 'It ended with exit status 3.')
    assert.equal(endOf({ exitCode: 137 }, claimed).message, 'It was ended by SIGKILL.')
    assert.equal(endOf({ signal: 11 }, claimed).signal, 'SIGSEGV')
  })

  test('before it had its job: each exit status of the launcher says what to do', () => {
    for (const [exitCode, pattern] of [
      [92, /munge/],
      [93, /reach the platform/],
      [94, /doctor/],
      [95, /shared folder/],
      [127, /Python was not found/],
      [1, /before its program was started/],
    ] as const) {
      const exit = endOf({ exitCode }, { uid: 2001, ref: '17' })
      assert.equal(exit.reason, 'start_failed')
      assert.match(exit.message, pattern)
    }
  })

  test('the same statuses of a program that ran are its own', () => {
    assert.equal(endOf({ exitCode: 93 }, claimed).reason, 'exit_status')
  })

  test('one whose kernel was killed for its memory, and which ended by itself later, ended by itself', () => {
    const placement = { ...claimed, exit: { exitCode: 0, atMs: nowMs } }
    assert.equal(endOf({}, placement, ['OUT_OF_MEMORY']).state, 'succeeded')
    const killed = { ...claimed, exit: { signal: 'SIGKILL', atMs: nowMs } }
    assert.equal(endOf({}, killed, ['OUT_OF_MEMORY']).reason, 'out_of_memory')
  })

  test('what it had is accounted for', () => {
    const job = buildJob(['COMPLETED'], {
      startMs: nowMs,
      endMs: nowMs + 10_000,
      tres: 'cpu=2,mem=400M,node=1,billing=2,gres/gpu=1',
    })
    const observation = observe(job)
    assert.ok(observation.state === 'ended')
    assert.deepEqual(observation.allocated, {
      coreSeconds: 20,
      gpuSeconds: 10,
      memoryByteSeconds: 400 * 2 ** 20 * 10,
    })
  })
})
