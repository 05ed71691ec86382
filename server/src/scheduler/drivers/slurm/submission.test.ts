import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type { JobSpec } from '#scheduler/job.ts'
import { parseJobComment } from './job-comment.ts'
import type { SlurmSchedulerConfig } from './slurm-config.ts'
import { buildSubmissions } from './submission.ts'

const config: SlurmSchedulerConfig = {
  instance: 'site1',
  python: '/usr/bin/python3',
  nodePackage: '/shared/node/atrium_node',
  hubUrl: 'https://atrium.example.org',
  hubUid: 900,
  logFolder: '/shared/logs',
  logKey: new Uint8Array(32),
  callTimeoutMs: 1000,
  defaults: { partition: 'main' },
}

function buildSpec(key: string): JobSpec {
  return {
    key,
    kind: 'server',
    owner: { name: 'alice', login: 'alice', uid: 2001, gid: 2001, home: '/home/alice' },
    command: ['dask', 'worker'],
    environment: {},
    workingDirectory: '/home/alice',
    resources: { cpu: 1.5, memoryBytes: 2 ** 30 },
    tasks: 1,
    ports: [],
    labels: {},
  }
}

describe('Slurm: submissions', () => {
  test('many equal jobs are arrays whose comments Slurm takes, and name them all in order', () => {
    const keys = Array.from({ length: 500 }, (_, index) => `worker-abcdefghijklmnopqrst-${index + 1}`)
    const groups = buildSubmissions(config, keys.map(buildSpec))
    assert.deepEqual(
      groups.flatMap((group) => group.keys),
      keys,
    )
    for (const { keys: part, submission } of groups) {
      assert.ok(submission.comment.length <= 1024, `${submission.comment.length}`)
      assert.equal(submission.arraySize, part.length)
      assert.deepEqual(parseJobComment('site1', submission.comment), part)
      assert.deepEqual(submission.command.slice(-part.length), part)
    }
    assert.ok(groups.length < 20, `${groups.length} submissions`)
  })
})
