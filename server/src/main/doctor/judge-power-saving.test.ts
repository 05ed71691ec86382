import assert from 'node:assert/strict'
import { test } from 'node:test'

import { judgePowerSaving } from './judge-power-saving.ts'

/** As `scontrol show config` of Slurm 22.05 has them. */
const good: Readonly<Record<string, string>> = {
  PrivateData: 'cloud',
  PrologSlurmctld: '/opt/atrium/deploy/slurm/wait-for-nodes',
  ResumeFailProgram: '/etc/atrium/slurm/resume-fail',
  ResumeProgram: '/etc/atrium/slurm/resume',
  SuspendProgram: '/etc/atrium/slurm/suspend',
  SuspendTime: '600 sec',
}

const judge = (changes: Readonly<Record<string, string>> = {}) =>
  judgePowerSaving((name) => ({ ...good, ...changes })[name] ?? '').map(
    ({ status, check }) => `${status} ${check}`,
  )

test('doctor: where nodes come and go, each thing that is missing is named', () => {
  assert.deepEqual(judge(), ['ok power saving'])
  assert.deepEqual(judge({ SuspendProgram: '(null)' }), ['warning SuspendProgram'])
  assert.deepEqual(judge({ SuspendTime: 'INFINITE' }), ['warning SuspendProgram'])
  assert.deepEqual(judge({ ResumeFailProgram: '(null)' }), ['warning ResumeFailProgram'])
  assert.deepEqual(judge({ PrologSlurmctld: '(null)' }), ['warning PrologSlurmctld'])
  assert.deepEqual(judge({ PrivateData: 'none' }), ['warning PrivateData'])
})

test('doctor: where all nodes stay, nothing is said of that', () => {
  assert.deepEqual(judge({ ResumeProgram: '(null)', PrivateData: 'none', SuspendTime: 'INFINITE' }), [])
})
