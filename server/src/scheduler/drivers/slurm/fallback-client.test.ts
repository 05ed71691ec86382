import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { PlatformError } from '@atrium/contract/errors.ts'
import { createFakeClock } from '#platform/fake-clock.ts'
import type { Logger } from '#platform/log.ts'
import { createSilentLogger } from '#platform/log.ts'
import { createFallbackClient } from './fallback-client.ts'
import { RestFailure } from './rest-failure.ts'
import { type SlurmClient, SlurmRefusal, type SlurmSubmission } from './slurm-client.ts'

const wait = { signal: new AbortController().signal }
const submission: SlurmSubmission = {
  owner: { login: 'alice', uid: 2001, gid: 2001 },
  ...{
    name: 'atrium-server',
    comment: 'atrium site a',
    command: [],
    arraySize: 1,
    tasks: 1,
    exclusive: false,
  },
}

/** Both ways; `trouble` is what REST throws. */
function createWays() {
  const calls: string[] = []
  const warnings: string[] = []
  const way: { trouble?: Error; commandTrouble?: Error } = {}
  const build = (name: string, trouble: () => Error | undefined): SlurmClient => {
    const answer = async <T>(what: string, value: T): Promise<T> => {
      calls.push(`${name} ${what}`)
      const error = trouble()
      if (error !== undefined) throw error
      return value
    }
    return {
      version: () => answer('version', name),
      submit: () => answer('submit', 1),
      listJobs: () => answer('listJobs', []),
      listEnded: () => answer('listEnded', []),
      cancel: () => answer('cancel', undefined),
      listNodes: () => answer('listNodes', []),
      limits: () => answer('limits', { cpu: true, memory: true, why: name, wholeCores: true }),
    }
  }
  const hear = (_fields: object, text?: string) => void warnings.push(text ?? '')
  const log: Logger = { ...createSilentLogger(), warn: hear, info: hear }
  const clock = createFakeClock()
  const client = createFallbackClient({
    rest: build('rest', () => way.trouble),
    commands: build('commands', () => way.commandTrouble),
    ...{ clock, log, pauseMs: 1000 },
  })
  return { client, way, calls, warnings, clock }
}

describe('Slurm: by REST, else by commands', () => {
  test('REST while it answers; what it does not tell by commands', async () => {
    const { client, calls, warnings } = createWays()
    assert.equal(await client.version(wait), 'rest')
    assert.equal((await client.limits(wait)).why, 'commands')
    assert.deepEqual(calls, ['rest version', 'commands limits'])
    assert.deepEqual(warnings, [])
  })

  test('commands while it does not, told once; REST again after a while', async () => {
    const { client, way, calls, warnings, clock } = createWays()
    way.trouble = new RestFailure('gone', { mayHaveArrived: true })
    await client.listJobs(wait)
    await client.listJobs(wait)
    assert.deepEqual(calls.splice(0), ['rest listJobs', 'commands listJobs', 'commands listJobs'])
    await clock.advance(1000)
    await client.listNodes(wait)
    assert.deepEqual(calls.splice(0), ['rest listNodes', 'commands listNodes'])
    assert.equal(warnings.length, 1)
    delete way.trouble
    await clock.advance(1000)
    await client.listJobs(wait)
    await client.cancel(submission.owner, ['1'], { ...wait, how: 'end' })
    assert.deepEqual(calls, ['rest listJobs', 'rest cancel'])
    assert.deepEqual(warnings.slice(1), ["Slurm's REST service answers again"])
  })

  test('a submission that may have arrived is not made again', async () => {
    const { client, way, calls } = createWays()
    way.trouble = new RestFailure('late', { mayHaveArrived: true })
    await assert.rejects(client.submit(submission, wait), /late/)
    assert.deepEqual(calls, ['rest submit'])
    // By then the scheduler has looked in the queue.
    assert.equal(await client.submit(submission, wait), 1)
  })

  test('one that has not goes the other way at once, and so do cancellations', async () => {
    const { client, way, calls, clock } = createWays()
    way.trouble = new RestFailure('refused', { mayHaveArrived: false })
    assert.equal(await client.submit(submission, wait), 1)
    await clock.advance(1000)
    way.trouble = new RestFailure('late', { mayHaveArrived: true })
    await client.cancel(submission.owner, ['1'], { ...wait, how: 'kill' })
    assert.deepEqual(calls, ['rest submit', 'commands submit', 'rest cancel', 'commands cancel'])
  })

  test('without commands REST is not left alone: questions go to it, submissions that may have arrived do not', async () => {
    const { client, way, calls, warnings } = createWays()
    way.commandTrouble = new PlatformError('scheduler_unavailable', { message: 'not installed' })
    way.trouble = new RestFailure('late', { mayHaveArrived: true })
    await assert.rejects(client.listJobs(wait), /not installed/)
    delete way.trouble
    await assert.rejects(client.submit(submission, wait), /not installed/)
    await client.listJobs(wait)
    await client.submit(submission, wait)
    assert.deepEqual(calls, [
      ...['rest listJobs', 'commands listJobs', 'commands submit', 'commands listJobs', 'rest listJobs'],
      'rest submit',
    ])
    assert.equal(warnings.length, 2)
  })

  test('what REST alone cannot tell is asked elsewhere, and it goes on', async () => {
    const { client, way, calls, warnings } = createWays()
    way.trouble = new RestFailure('no accounting', { mayHaveArrived: false, isForThisOnly: true })
    await client.listEnded(['1'], wait)
    delete way.trouble
    await client.listJobs(wait)
    assert.deepEqual(calls, ['rest listEnded', 'commands listEnded', 'rest listJobs'])
    assert.deepEqual(warnings, [])
  })

  test("Slurm's no is not asked for twice", async () => {
    const { client, way, calls } = createWays()
    way.trouble = new SlurmRefusal('Invalid qos')
    await assert.rejects(client.submit(submission, wait), SlurmRefusal)
    assert.deepEqual(calls, ['rest submit'])
  })
})
