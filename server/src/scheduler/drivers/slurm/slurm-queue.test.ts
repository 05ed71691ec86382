import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { createFakeClock } from '#platform/fake-clock.ts'
import type { SlurmJob } from './slurm-client.ts'
import { buildQueueView, createSlurmQueue } from './slurm-queue.ts'
import { buildSlurmJob } from './testing/slurm-job.ts'

const buildJob = (ref: string, comment: string, more: Partial<SlurmJob> = {}) =>
  buildSlurmJob({ ref, comment, ...more })

describe('the queue as it was seen', () => {
  test('gives each task of an array the key of its index', () => {
    const view = buildQueueView('us', [
      buildJob('7_0', 'atrium us server-a-1 server-b-1'),
      buildJob('7_1', 'atrium us server-a-1 server-b-1'),
      buildJob('7_2', 'atrium us server-a-1 server-b-1'),
    ])
    assert.deepEqual(
      view.live.map(([key, { ref }]) => [key, ref]),
      [
        ['server-a-1', '7_0'],
        ['server-b-1', '7_1'],
      ],
    )
  })

  test("knows nothing of other platforms' jobs, of people's own, and of comments that only look like ours", () => {
    const view = buildQueueView('us', [
      buildJob('1', 'atrium them server-a-1'),
      buildJob('2', ''),
      buildJob('3', 'atrium us ../../etc'),
      buildJob('4', 'atrium us server-a-1\n'),
      buildJob('5', 'my own atrium us server-a-1'),
    ])
    assert.deepEqual(view.live, [])
  })

  test('a job that somebody else gave the same comment is not the job', () => {
    const comment = 'atrium us server-a-1'
    const view = buildQueueView('us', [buildJob('1', comment, { uid: 2002 }), buildJob('2', comment)])
    assert.deepEqual(
      view.find('server-a-1', 2001).map(({ ref }) => ref),
      ['2'],
    )
  })

  test('places are counted among all who wait for the partition, the urgent first, then who waits longest', () => {
    const pending = { states: ['PENDING'] as const, submitMs: 1 }
    const jobs = [
      buildJob('1', '', { ...pending, submitMs: 3 }),
      buildJob('2', '', { ...pending, submitMs: 2 }),
      buildJob('3', '', { ...pending, priority: 9, submitMs: 5 }),
      buildJob('4', '', { ...pending, partition: 'gpu' }),
      buildJob('5', ''),
    ]
    const view = buildQueueView('us', jobs)
    assert.deepEqual(
      jobs.map((job) => view.findPlace(job)),
      [3, 2, 1, 1, undefined],
    )
  })
})

describe('asking for the queue', () => {
  const create = () => {
    const clock = createFakeClock()
    let calls = 0
    const answers: (() => void)[] = []
    const listJobs = () => {
      calls += 1
      return new Promise<readonly SlurmJob[]>((resolve) => answers.push(() => resolve([])))
    }
    const queue = createSlurmQueue({ listJobs }, { instance: 'us', clock, timeoutMs: 1000 })
    const answer = async (looks: Promise<unknown>) => {
      for (const give of answers.splice(0)) give()
      await looks
    }
    return { clock, queue, answer, calls: () => calls }
  }

  test('is one call for everybody who asks while it is under way', async () => {
    const { queue, answer, calls } = create()
    await answer(Promise.all(Array.from({ length: 500 }, () => queue.look())))
    assert.equal(calls(), 1)
  })

  test('is a call of its own after a submission: an answer that is under way may not know of it', async () => {
    const { queue, answer, calls } = create()
    const first = queue.look()
    queue.expire()
    await answer(Promise.all([first, queue.look()]))
    assert.equal(calls(), 2)
  })

  test('an answer may be used again only by who says how old it may be', async () => {
    const { clock, queue, answer, calls } = create()
    await answer(queue.look())
    await queue.look({ maxAgeMs: 1000 })
    assert.equal(calls(), 1)
    await answer(queue.look())
    assert.equal(calls(), 2)
    await clock.advance(1001)
    await answer(queue.look({ maxAgeMs: 1000 }))
    assert.equal(calls(), 3)
  })

  test('what does not change is known from the last answer, whatever has happened since, for some time', async () => {
    const { clock, queue, answer, calls } = create()
    assert.equal(queue.recall(1000), undefined)
    await answer(queue.look())
    queue.expire()
    assert.notEqual(queue.recall(1000), undefined)
    await clock.advance(1001)
    assert.equal(queue.recall(1000), undefined)
    assert.equal(calls(), 1)
  })

  test('what was asked for before something was submitted is not recalled: it lacks that', async () => {
    const { queue, answer } = create()
    await answer(queue.look())
    const asked = queue.look()
    queue.noteSubmitted()
    assert.equal(queue.recall(1000), undefined)
    await answer(asked)
    assert.equal(queue.recall(1000), undefined)
    await answer(queue.look())
    assert.notEqual(queue.recall(1000), undefined)
  })
})
