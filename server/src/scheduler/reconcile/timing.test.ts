import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createFakeClock } from '#platform/fake-clock.ts'
import { waitFor } from '#platform/wait-for.ts'
import { buildBackoff, createBackoff } from './backoff.ts'
import type { JobNotes } from './job-notes.ts'
import { LaneAgenda } from './lane-agenda.ts'
import { choosePause } from './ready-watch.ts'
import { defaultSettings as settings } from './reconcile-context.ts'
import { chooseTick } from './tick.ts'
import { startWorkLoop } from './work-loop.ts'

const quiet: JobNotes = { attempt: 1, state: 'running', isSubmitted: true, cancels: 0, lastGraceMs: 0 }
const starting: JobNotes = { ...quiet, state: 'starting' }
const pending: JobNotes = { ...quiet, state: 'pending' }

test('a back-off doubles to its maximum, half of it by chance, and starts small after a success', () => {
  const limits = { baseMs: 100, maxMs: 1000 }
  const low = [0, 1, 2, 3, 4, 50].map((failures) => buildBackoff(failures, { ...limits, random: () => 0 }))
  assert.deepEqual(low, [50, 100, 200, 400, 500, 500])
  assert.equal(buildBackoff(50, { ...limits, random: () => 1 }), 1000)
  const backoff = createBackoff({ ...limits, random: () => 1 })
  assert.deepEqual([backoff.next(), backoff.next(), backoff.failures], [100, 200, 2])
  backoff.reset()
  assert.deepEqual([backoff.next(), backoff.failures], [100, 1])
})

test('probes come every 10 ms at first, every 250 ms in the end, and fewer when many ask', () => {
  assert.equal(choosePause(0, 1), 10)
  assert.ok(choosePause(1000, 1) > 50 && choosePause(1000, 1) < 100)
  assert.equal(choosePause(60_000, 1), 250)
  assert.ok(choosePause(0, 100) > 100)
})

test('what changes is asked about often at first, what waits or just runs less, and hints make it rare', () => {
  const options = { settings, hasHints: false, quietSteps: 0 }
  assert.equal(chooseTick([quiet, starting], options), settings.changingTickMs)
  assert.equal(chooseTick([starting], { ...options, quietSteps: 100 }), settings.maxChangingTickMs)
  assert.equal(chooseTick([pending], { ...options, quietSteps: 100 }), settings.maxPendingTickMs)
  assert.equal(chooseTick([starting, pending], { ...options, hasHints: true }), settings.maxChangingTickMs)
  assert.equal(chooseTick([quiet], options), Number.POSITIVE_INFINITY)
  assert.equal(chooseTick([{ ...quiet, unknownSinceMs: 1 }], options), settings.changingTickMs)
})

test('a lane looks at everything first, then at what is told, due or changing, and at all now and then', async () => {
  const clock = createFakeClock()
  const notes = new Map<string, JobNotes>([
    ['quiet', quiet],
    ['starting', starting],
    ['due', { ...quiet, dueMs: 50 }],
  ])
  const agenda = new LaneAgenda(notes, clock, settings)
  assert.equal(agenda.take(), 'all')
  agenda.sweepDone()
  assert.equal(agenda.plan(false), 50)
  await clock.advance(50)
  assert.deepEqual(agenda.take(), ['due'])
  notes.delete('due')
  assert.equal(agenda.plan(false), settings.changingTickMs - 50)
  await clock.advance(50)
  assert.deepEqual(agenda.take(), ['starting'])
  agenda.notice(['quiet', 'nobody'])
  assert.equal(agenda.plan(false), 0)
  assert.deepEqual(agenda.take(), ['quiet'])
  agenda.plan(false)
  await clock.advance(settings.steadyTickMs)
  assert.equal(agenda.take(), 'all')
  agenda.notice(['while its record is being read'])
  assert.equal(agenda.plan(false), 0)
})

test('what happens to others does not put off a look that is planned', async () => {
  const clock = createFakeClock()
  const notes = new Map([['starting', starting]])
  const agenda = new LaneAgenda(notes, clock, settings)
  agenda.take()
  agenda.sweepDone()
  agenda.plan(true)
  for (let elapsedMs = 0; elapsedMs < settings.maxChangingTickMs; elapsedMs += 100) {
    assert.deepEqual(agenda.take(), [])
    agenda.plan(true)
    await clock.advance(100)
  }
  assert.deepEqual(agenda.take(), ['starting'])
})

test('a loop does one step at a time, at once when woken, and ends with its signal', async () => {
  const clock = createFakeClock()
  const life = new AbortController()
  let [steps, present] = [0, 0]
  const loop = startWorkLoop({
    clock,
    signal: life.signal,
    async step() {
      assert.equal(++present, 1)
      steps++
      await new Promise((resolve) => setImmediate(resolve))
      present--
      return 1000
    },
  })
  // Twice during the first step is one more.
  loop.wake()
  loop.wake()
  await waitFor('the second step', () => steps === 2 && clock.sleepers === 1)
  await clock.advance(999)
  assert.equal(steps, 2)
  await clock.advance(1)
  await waitFor('the third step, by itself', () => steps === 3 && clock.sleepers === 1)
  loop.wake()
  await waitFor('the fourth step, at once', () => steps === 4 && clock.sleepers === 1)
  life.abort()
  await loop.done
  assert.equal(steps, 4)
})
