import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type { JobExit, Observation } from '#scheduler/job.ts'
import type { Job } from '#scheduler/job-record.ts'
import { applyChange } from '#scheduler/job-rows.ts'
import { noAmounts } from '#scheduler/quota.ts'
import { buildReady, buildStop, buildTransition, buildUnsubmitted } from './job-transition.ts'

const nowMs = 1_000_000
const at = { nowMs, random: () => 0.5 }
const endpoint = { host: '10.0.0.1', ports: { http: 8888 } }
const failed: JobExit = { state: 'failed', exitCode: 1, reason: 'exit_status', message: 'Status 1.' }

const pending: Job = {
  key: 'server-a',
  kind: 'server',
  driver: 'memory',
  userId: 1,
  groupId: null,
  subject: 'server:1',
  desired: 'run',
  state: 'pending',
  spec: {
    key: 'server-a',
    kind: 'server',
    owner: { name: 'alice', login: 'alice', home: '/home/alice' },
    command: ['x'],
    environment: {},
    workingDirectory: '/',
    resources: {},
    tasks: 1,
    ports: ['http'],
    labels: {},
  },
  policy: { ready: { port: 'http', path: '/' } },
  amounts: noAmounts,
  priority: 100,
  attempts: 1,
  failedStarts: 0,
  requestedAtMs: 0,
  handle: { key: 'server-a-1', driver: 'memory', version: 1, ref: '1' },
}
const starting: Job = { ...pending, state: 'starting', node: 'n1', startedAtMs: 5, endpoint }
const running: Job = { ...starting, state: 'running', readyAtMs: 10 }

function see(job: Job, seen: Observation): Job {
  const transition = buildTransition(job, seen, at)
  return transition === undefined ? job : applyChange(job, transition.change)
}

function stopped(job: Job, reason = 'requested'): Job {
  return applyChange(job, buildStop(job, nowMs, reason, `Because ${reason}.`).change)
}

describe('what an observation changes', () => {
  test('nothing when it is what the record says', () => {
    const seen: Observation = { state: 'running', node: 'n1', endpoint, startedAtMs: 5 }
    assert.equal(buildTransition(running, seen, at), undefined)
    assert.equal(buildTransition(starting, seen, at), undefined)
    const waiting = see(pending, { state: 'pending', reason: 'Priority', place: 3 })
    assert.equal(buildTransition(waiting, { state: 'pending', reason: 'Priority', place: 3 }, at), undefined)
  })

  test('a place in the scheduler’s queue, its reason and estimate are kept while pending and gone after', () => {
    const waiting = see(pending, { state: 'pending', reason: 'Priority', place: 3, estimatedStartMs: 7 })
    assert.deepEqual([waiting.message, waiting.wait], ['Priority', { place: 3, estimatedStartMs: 7 }])
    const started = see(waiting, { state: 'starting', node: 'n1' })
    assert.deepEqual([started.state, started.message, started.wait], ['starting', undefined, undefined])
  })

  test('running with a ready rule is starting until the probe was answered', () => {
    const seen = see(pending, { state: 'running', endpoint })
    assert.deepEqual([seen.state, seen.startedAtMs, seen.readyAtMs], ['starting', nowMs, undefined])
    const ready = buildReady(seen, nowMs)
    assert.ok(ready)
    assert.deepEqual(applyChange(seen, ready.change).state, 'running')
    assert.equal(buildReady(applyChange(seen, ready.change), nowMs), undefined)
    assert.equal(buildReady(stopped(seen), nowMs), undefined)
  })

  test('a job that the scheduler itself put back and started elsewhere has to answer again', () => {
    const back = see(running, { state: 'pending' })
    assert.deepEqual(
      [back.state, back.endpoint, back.readyAtMs, back.startedAtMs],
      ['pending', undefined, undefined, undefined],
    )
    const moved = see(running, { state: 'running', endpoint: { ...endpoint, host: '10.0.0.2' } })
    assert.deepEqual(
      [moved.state, moved.endpoint?.host, moved.readyAtMs],
      ['starting', '10.0.0.2', undefined],
    )
  })

  test('unknown keeps everything, and what is seen next sets it right', () => {
    const unknown = see(running, { state: 'unknown', why: 'no answer' })
    assert.deepEqual([unknown.state, unknown.endpoint, unknown.readyAtMs], ['unknown', endpoint, 10])
    assert.equal(buildTransition(unknown, { state: 'unknown', why: 'again' }, at), undefined)
    assert.deepEqual(see(unknown, { state: 'running', node: 'n1', endpoint }), running)
    const stopping = see(stopped(running, 'idle'), { state: 'unknown', why: 'no answer' })
    assert.equal(see(stopping, { state: 'running', endpoint }).state, 'stopping')
    assert.equal(see(stopping, { state: 'absent' }).reason, 'idle')
  })

  test('a job to be stopped is stopping whatever is seen, until it has ended', () => {
    for (const seen of [
      { state: 'pending' },
      { state: 'starting' },
      { state: 'running', endpoint },
    ] as const) {
      assert.equal(see(stopped(pending), seen).state, 'stopping', seen.state)
    }
    assert.equal(see(stopped(running), { state: 'ended', exit: failed }).state, 'cancelled')
    assert.equal(see(stopped(running), { state: 'absent' }).state, 'cancelled')
  })

  test('a stop for reaching a limit is a failure with that reason', () => {
    for (const reason of ['time_limit', 'not_ready_in_time']) {
      const exit: JobExit = { state: 'cancelled', reason: 'cancelled', message: 'It was asked to end.' }
      const job = see(stopped(running, reason), { state: 'ended', exit })
      assert.deepEqual([job.state, job.reason, job.message], ['failed', reason, `Because ${reason}.`])
    }
  })

  test('what succeeded before the stop reached it has succeeded', () => {
    const exit: JobExit = { state: 'succeeded', exitCode: 0, reason: 'exit_status', message: 'Done.' }
    assert.equal(see(stopped(running), { state: 'ended', exit }).state, 'succeeded')
  })

  test('an end gives the share back once, and forgets endpoint and secrets', () => {
    const transition = buildTransition(running, { state: 'ended', exit: failed, endedAtMs: 77 }, at)
    assert.equal(transition?.givesBack, true)
    assert.deepEqual(
      [transition.change.endedAtMs, transition.change.endpoint, transition.change.secrets],
      [77, null, null],
    )
  })

  test('a retry waits longer each time, keeps its share and has a new attempt', () => {
    const job = { ...starting, policy: { ...starting.policy, startRetries: 2 } }
    const first = buildTransition(job, { state: 'ended', exit: failed }, at)
    assert.ok(first)
    assert.equal(first.givesBack, undefined)
    const retried = applyChange(job, first.change)
    assert.deepEqual([retried.state, retried.attempts, retried.handle], ['pending', 2, undefined])
    const second = buildTransition({ ...retried, node: 'n1' }, { state: 'ended', exit: failed }, at)
    assert.ok((second?.change.retryAtMs ?? 0) > (first.change.retryAtMs ?? 0))
    assert.ok(second)
    const last = buildTransition(applyChange(retried, second.change), { state: 'ended', exit: failed }, at)
    assert.equal(last?.change.state, 'failed')
  })

  test('a job lost after it had started has failed; lost before, it is tried again', () => {
    assert.equal(see(running, { state: 'absent' }).reason, 'not_observed')
    assert.equal(see(pending, { state: 'absent' }).attempts, 2)
  })

  test('a node that is lost before the job began on it takes nothing away: it is tried again', () => {
    const exit: JobExit = { state: 'failed', reason: 'node_lost', message: 'Node c1 was lost.' }
    const booting = see(pending, { state: 'starting', node: 'c1' })
    const again = see(booting, { state: 'ended', exit })
    assert.deepEqual(
      [again.state, again.node, again.handle, again.attempts],
      ['pending', undefined, undefined, 2],
    )
    assert.match(again.message ?? '', /did not come up \(c1\)/)
    assert.equal(again.restarts, undefined)
    assert.equal(see(starting, { state: 'ended', exit }).state, 'failed')
    assert.equal(see(stopped(booting), { state: 'ended', exit }).state, 'cancelled')
  })

  test('a silent scheduler is told once of a job that could not be handed over', () => {
    const { handle: _, ...unsubmitted } = pending
    const told = buildUnsubmitted(unsubmitted)
    assert.ok(told)
    assert.equal(buildUnsubmitted(applyChange(unsubmitted, told.change)), undefined)
    assert.equal(buildUnsubmitted(pending), undefined)
  })
})
