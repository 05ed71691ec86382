import assert from 'node:assert/strict'
import { test } from 'node:test'

import { explainPending } from './pending-reasons.ts'

test('reasons are sentences, those of limits name what is used up', () => {
  assert.equal(explainPending('Priority'), 'Jobs of higher priority go first.')
  assert.match(explainPending('ReqNodeNotAvail, UnavailableNodes:n1'), /down, drained or reserved/)
  assert.match(explainPending('ReqNodeNotAvail(Unavailable:n1)'), /down, drained or reserved/)
  assert.equal(
    explainPending('QOSMaxCpuPerUserLimit'),
    'A limit of cores of your quality of service is reached for each user (QOSMaxCpuPerUserLimit).',
  )
  assert.equal(
    explainPending('AssocGrpMemLimit'),
    'A limit of memory of your account is reached (AssocGrpMemLimit).',
  )
  assert.equal(
    explainPending('QOSGrpGRES'),
    'A limit of GPUs or other devices of your quality of service is reached (QOSGrpGRES).',
  )
  assert.equal(explainPending('SomethingNew'), 'Slurm lets it wait (SomethingNew).')
  assert.equal(explainPending('constructor'), 'Slurm lets it wait (constructor).')
})
