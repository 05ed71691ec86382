import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { parseRestAccounting } from './rest-accounting.ts'
import { checkAnswer, isGone, readErrors, readJobId, readRelease } from './rest-answer.ts'
import { RestFailure } from './rest-failure.ts'
import { SlurmRefusal } from './slurm-client.ts'

const hint = 'look there'

function judge(status: number, json: unknown, text = ''): unknown {
  try {
    checkAnswer({ status, json, text }, hint)
    return undefined
  } catch (error) {
    return error
  }
}

function judgeErrors(...errors: object[]): unknown {
  return judge(500, { errors })
}

function assertFailure(error: unknown, expected: { mayHaveArrived: boolean; isTokenTrouble: boolean }): void {
  assert.ok(error instanceof RestFailure, String(error))
  const { mayHaveArrived, isTokenTrouble } = error
  assert.deepEqual({ mayHaveArrived, isTokenTrouble }, expected)
}

describe('Slurm REST: what an answer means', () => {
  test('a token that is turned away at the door was not looked at by Slurm', () => {
    const error = judge(401, undefined, 'Authentication failure')
    assertFailure(error, { mayHaveArrived: false, isTokenTrouble: true })
    assert.match(String(error), /Authentication failure.*look there/)
  })

  test('an expired token or a wrong key, as 22.05.8 answers them', () => {
    const jobs = {
      description: 'Failed while looking for jobs',
      error_number: -1,
      error: 'Unspecified error',
    }
    assertFailure(judgeErrors({ ...jobs, source: 'slurm_load_jobs' }), {
      mayHaveArrived: true,
      isTokenTrouble: true,
    })
    const submitted = { error_code: 5005, error: 'Zero Bytes were transmitted or received' }
    assertFailure(judgeErrors(submitted), { mayHaveArrived: true, isTokenTrouble: true })
    const accounting = {
      error_number: 1007,
      error: 'Protocol authentication error',
      source: 'slurmdb_jobs_get',
    }
    assertFailure(judge(200, { errors: [accounting], jobs: [] }), {
      mayHaveArrived: false,
      isTokenTrouble: true,
    })
  })

  test('a wrong key, as 23.11.4 answers it', () => {
    const error = judgeErrors({ error_code: 1000, error: 'Unexpected message received' })
    assertFailure(error, { mayHaveArrived: true, isTokenTrouble: true })
    assert.match(String(error), /look there/)
  })

  test('an expired token, as 26.05.3 answers it', () => {
    const error = { error_number: 1007, error: 'Protocol authentication error', source: 'slurm_load_jobs()' }
    assertFailure(judge(511, { jobs: [], errors: [{ ...error, description: 'Unable to query jobs' }] }), {
      mayHaveArrived: false,
      isTokenTrouble: true,
    })
  })

  test("403 with Slurm's words is its no, not the token's", () => {
    const denied = { error_number: 2002, error: 'Access/permission denied', source: 'slurm_kill_jobs()' }
    assert.ok(judge(403, { errors: [denied] }) instanceof SlurmRefusal)
    assertFailure(judge(403, undefined, 'no'), { mayHaveArrived: false, isTokenTrouble: true })
  })

  test('daemons that are away are no refusal', () => {
    const controller = { error_code: 1800, error: 'Unable to contact slurm controller (connect failure)' }
    assertFailure(judgeErrors(controller), { mayHaveArrived: true, isTokenTrouble: false })
    const database = {
      ...{ description: 'Failed connecting to slurmdbd', error_number: 7000 },
      error: 'Unable to connect to database',
    }
    assertFailure(judge(200, { errors: [database] }), { mayHaveArrived: true, isTokenTrouble: false })
    assertFailure(judge(502, undefined, '<html>'), { mayHaveArrived: true, isTokenTrouble: false })
  })

  test("Slurm's no, in its words", () => {
    const partition = judgeErrors({ error_code: 2000, error: 'Invalid partition name specified' })
    assert.ok(partition instanceof SlurmRefusal)
    assert.equal(partition.message, 'Invalid partition name specified')
    const account = judgeErrors({
      ...{
        description: 'Batch job submission failed',
        error_number: 2045,
        source: 'slurm_submit_batch_job()',
      },
      error: 'Invalid account or account/partition combination specified',
    })
    assert.ok(account instanceof SlurmRefusal)
    assert.match(account.message, /^Invalid account .*: Batch job submission failed$/)
    const unknownKey = judgeErrors(
      { description: 'Unknown key "nope"', source: 'hsearch_r' },
      { error_code: 9001, error: 'Failure during parsing' },
    )
    assert.ok(unknownKey instanceof SlurmRefusal)
  })

  test('nothing found is an answer', () => {
    const empty = { error_number: 9003, error: 'Nothing found with query', source: 'x' }
    assert.equal(judge(200, { jobs: [], errors: [empty] }), undefined)
    assert.equal(judge(404, { jobs: [], errors: [empty] }), undefined)
  })

  test('jobs that have gone', () => {
    const errors = readErrors({ errors: [{ error_number: 2017, error: 'Invalid job id specified' }] })
    assert.deepEqual(errors.map(isGone), [true])
  })

  test('ids and releases of all versions', () => {
    assert.equal(readJobId({ job_id: 19, step_id: 'BATCH' }), 19)
    assert.equal(readJobId({ result: { job_id: 20 }, job_id: 0 }), 20)
    assert.equal(readJobId({ job_id: 0 }), undefined)
    assert.equal(readJobId('x'), undefined)
    assert.equal(readRelease({ meta: { Slurm: { release: '22.05.8' } } }), '22.05.8')
    assert.equal(readRelease({ meta: { slurm: { release: '24.11.5' } } }), '24.11.5')
  })
})

describe('Slurm REST: accounting', () => {
  const none = { id: 3, name: null, type: 'energy', count: null }

  test('as 22.05.8 answers', () => {
    const [first, second] = parseRestAccounting({
      jobs: [
        {
          ...{ allocation_nodes: 1, job_id: 16, name: 'sbatch', partition: 'main', user: 'alice' },
          array: { job_id: 0, task: null, task_id: null },
          exit_code: { status: 'SIGNALED', return_code: 0, signal: { signal_id: 9, name: 'Killed' } },
          state: { current: 'CANCELLED', reason: 'None' },
          time: { submission: 1_795_679_243, start: 1_795_679_243, end: 1_795_679_244 },
          tres: {
            allocated: [
              { type: 'cpu', name: null, id: 1, count: 1 },
              { type: 'mem', name: null, id: 2, count: 50 },
              none,
              { type: 'gres', name: 'gpu', id: 1001, count: 2 },
            ],
          },
        },
        {
          ...{ job_id: 21, user: '', association: { user: 'bob' }, array: { job_id: 19, task_id: 1 } },
          exit_code: { status: 'ERROR', return_code: 3 },
          ...{ state: { current: 'FAILED' }, time: { end: 0 } },
        },
      ],
    })
    assert.deepEqual(first, {
      ...{ ref: '16', name: 'sbatch', comment: '', uid: -1, gid: -1, login: 'alice', partition: 'main' },
      ...{ states: ['CANCELLED'], reason: 'None', nodeCount: 1, priority: 0, restarts: 0 },
      ...{ tres: 'cpu=1,mem=50M,gres/gpu=2', exitCode: 0, signal: 9 },
      ...{ submitMs: 1_795_679_243_000, startMs: 1_795_679_243_000, endMs: 1_795_679_244_000 },
    })
    assert.deepEqual(
      [second?.ref, second?.login, second?.exitCode, second?.endMs],
      ['19_1', 'bob', 3, undefined],
    )
  })

  test('as data parsers from 0.0.41 on write it', () => {
    const set = (number: number) => ({ set: true, infinite: false, number })
    const unset = { set: false, infinite: false, number: 0 }
    const [job] = parseRestAccounting({
      jobs: [
        {
          ...{ allocation_nodes: 2, job_id: 30, name: 'atrium-server', user: 'alice', restart_cnt: 1 },
          array: { job_id: 28, task_id: set(2), task: '' },
          exit_code: {
            status: ['SIGNALED'],
            return_code: unset,
            signal: { id: set(15), name: 'Terminated' },
          },
          state: { current: ['COMPLETED', 'REQUEUED'], reason: 'None' },
          time: { submission: 10, start: 20, end: 30 },
          tres: { allocated: [{ type: 'cpu', name: '', id: 1, count: 4 }] },
        },
      ],
    })
    assert.deepEqual([job?.ref, job?.states, job?.signal], ['28_2', ['COMPLETED', 'REQUEUED'], 15])
    assert.deepEqual([job?.restarts, job?.tres], [1, 'cpu=4'])
  })

  test('waiting tasks one by one, and of runs under one id the last', () => {
    const waiting = { job_id: 40, array: { job_id: 40, task: '[0-1,4%2]' }, state: { current: 'PENDING' } }
    const never = { job_id: 42, array: { job_id: 42, task: '0xA1' }, state: { current: ['CANCELLED'] } }
    assert.deepEqual(
      parseRestAccounting({ jobs: [never] }).map(({ ref }) => ref),
      ['42_0', '42_5', '42_7'],
    )
    const runs = ['NODE_FAIL', 'COMPLETED'].map((current) => ({ job_id: 41, state: { current } }))
    const jobs = parseRestAccounting({ jobs: [waiting, ...runs] })
    assert.deepEqual(
      jobs.map(({ ref, states }) => [ref, states[0]]),
      [
        ['40_0', 'PENDING'],
        ['40_1', 'PENDING'],
        ['40_4', 'PENDING'],
        ['41', 'COMPLETED'],
      ],
    )
  })

  test('an answer of nothing is no jobs', () => {
    for (const answer of [undefined, null, 'x', {}, { jobs: null }, { jobs: [1] }])
      assert.deepEqual(parseRestAccounting(answer), [])
  })
})
