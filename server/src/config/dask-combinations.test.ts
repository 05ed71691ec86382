import assert from 'node:assert/strict'
import { test } from 'node:test'

import { ConfigError } from './config-problem.ts'
import { parseConfig } from './parse-config.ts'

function findProblems(text: string): readonly string[] {
  try {
    parseConfig(text, 'atrium.yaml')
    return []
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.problems.map(({ path, line, message }) => `${line} ${path}: ${message}`)
  }
}

test('a Dask worker is by default what the driver can give', () => {
  const worker = 'dask:\n  worker:\n    gpus: 2\n    preemptible: true\n'
  assert.deepEqual(findProblems(worker), [
    '3 dask.worker.gpus: the scheduler driver "local" gives no GPUs to jobs',
    '4 dask.worker.preemptible: the scheduler driver "local" cannot do this: it needs a batch system such as Slurm',
  ])
  const slurm = 'scheduler: {driver: slurm, slurm: {shared: /shared, hubUrl: "http://10.0.0.1:8000"}}\n'
  assert.deepEqual(findProblems(slurm + worker), [])
})

test('an option of clusters that there is not is named', () => {
  const [problem = ''] = findProblems('dask: {options: [worker_cores, worker_core]}')
  assert.match(problem, /^1 dask\.options\[1\]: /)
})
