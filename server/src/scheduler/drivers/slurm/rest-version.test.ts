import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { buildRestSubmission } from './rest-submission.ts'
import { findRestVersion, listOffered } from './rest-version.ts'
import type { SlurmSubmission } from './slurm-client.ts'

function offer(control: readonly number[], accounting = control): object {
  const paths = [
    ...control.map((version) => `/slurm/v0.0.${version}/jobs${version > 39 ? '/' : ''}`),
    ...control.map((version) => `/slurm/v0.0.${version}/job/{job_id}`),
    ...accounting.map((version) => `/slurmdb/v0.0.${version}/jobs`),
  ]
  return { openapi: '3.0.3', paths: Object.fromEntries(paths.map((path) => [path, {}])) }
}

describe('Slurm REST: versions', () => {
  test('the newest that both know, as Slurm was released', () => {
    const offers: [string, number[], number][] = [
      ['21.08', [35, 36, 37], 37],
      ['22.05', [36, 38, 37], 38],
      ['23.02', [37, 38, 39], 38],
      ['23.11', [38, 39, 40], 38],
      ['24.05', [39, 40, 41], 41],
      ['24.11', [40, 41, 42], 42],
      ['25.05', [40, 41, 42, 43], 43],
      ['26.05', [42, 43, 44, 45], 45],
    ]
    for (const [release, offered, expected] of offers) {
      assert.deepEqual(findRestVersion(offer(offered)), { number: expected, hasAccounting: true }, release)
    }
  })

  test('of unknown ones the oldest; none where there is none', () => {
    assert.equal(findRestVersion(offer([47, 48, 49]))?.number, 47)
    assert.equal(findRestVersion(offer([39, 40])), undefined)
    assert.equal(findRestVersion(offer([35])), undefined)
    for (const answer of [undefined, null, {}, { paths: 1 }, 'x'])
      assert.equal(findRestVersion(answer), undefined)
    assert.equal(findRestVersion(offer([38], []))?.hasAccounting, false)
  })

  test('says what is offered', () => {
    assert.equal(listOffered(offer([35])), 'v0.0.35')
    assert.match(listOffered(offer([39, 40])), /^v0.0.39, v0.0.40 \(.*cannot be used\)$/)
    assert.equal(listOffered({}), 'none')
  })
})

describe('Slurm REST: submissions', () => {
  const submission: SlurmSubmission = {
    owner: { login: 'alice', uid: 2001, gid: 2001 },
    name: 'atrium-server',
    comment: 'atrium site server-a-1 server-b-1',
    command: ['/usr/bin/python3', '-I', 'server-a-1', 'server-b-1'],
    arraySize: 2,
    tasks: 4,
    nodes: 2,
    cpusPerTask: 3,
    memoryMiB: 100,
    gres: 'gpu:a100:2,shard:1',
    exclusive: true,
    timeLimit: 60,
    constraint: 'intel',
  }
  const plain = (number: number, changes: Partial<SlurmSubmission> = {}) =>
    JSON.parse(
      JSON.stringify(buildRestSubmission({ ...submission, ...changes }, { number, hasAccounting: true })),
    )

  const both = {
    ...{ name: 'atrium-server', comment: 'atrium site server-a-1 server-b-1', tasks: 4, cpus_per_task: 3 },
    ...{ array: '0-1', constraints: 'intel', current_working_directory: '/' },
    ...{ standard_input: '/dev/null', standard_output: '/dev/null', standard_error: '/dev/null' },
  }
  const script = '#!/bin/sh\nexec /usr/bin/python3 -I server-a-1 server-b-1\n'

  test('up to 0.0.38', () => {
    assert.deepEqual(plain(38), {
      script,
      job: {
        ...both,
        ...{
          no_requeue: true,
          nodes: '2-2',
          memory_per_node: 100,
          time_limit: 60,
          gres: 'gpu:a100:2,shard:1',
          exclusive: 'exclusive',
        },
        environment: {
          PATH: '/usr/local/bin:/usr/bin:/bin',
          LANG: 'C.UTF-8',
          USER: 'alice',
          LOGNAME: 'alice',
        },
      },
    })
  })

  test('from 0.0.41 on', () => {
    assert.deepEqual(plain(45), {
      script,
      job: {
        ...both,
        requeue: false,
        nodes: [2, 2],
        memory_per_node: { set: true, number: 100 },
        time_limit: { set: true, number: 60 },
        tres_per_node: 'gres/gpu:a100:2,gres/shard:1',
        shared: ['none'],
        environment: ['PATH=/usr/local/bin:/usr/bin:/bin', 'LANG=C.UTF-8', 'USER=alice', 'LOGNAME=alice'],
      },
    })
  })

  test('what is not asked for is not mentioned', () => {
    for (const number of [38, 45]) {
      const { owner, name, comment, command } = submission
      const least = { owner, name, comment, command, arraySize: 1, tasks: 1, exclusive: false }
      const { job } = JSON.parse(JSON.stringify(buildRestSubmission(least, { number, hasAccounting: true })))
      assert.deepEqual(
        Object.keys(job).sort(),
        [
          ...['comment', 'current_working_directory', 'environment', 'name', 'standard_error'],
          ...['standard_input', 'standard_output', 'tasks', number > 38 ? 'requeue' : 'no_requeue'],
        ].sort(),
      )
    }
  })
})
