import assert from 'node:assert/strict'
import { test } from 'node:test'

import { ConfigError } from './config-problem.ts'
import { parseConfig } from './parse-config.ts'

/** Each problem as `path: message`. */
function findProblems(pools: readonly object[]): readonly string[] {
  try {
    parseConfig(JSON.stringify({ scheduler: { slurm: { cloud: { pools } } } }), 'atrium.yaml')
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ path, message }) => `${path}: ${message}`)
  }
}

const command = { resume: ['make', '{node}'], suspend: ['remove', '{node}'] }
const path = 'scheduler.slurm.cloud.pools[0]'

test('pools of nodes are made by programs or by EC2', () => {
  const aws = { region: 'eu-central-1', launchTemplate: 'workers' }
  assert.deepEqual(
    findProblems([
      { nodes: 'c[1-20]', command },
      { nodes: 'gpu[01-04]', aws },
      { nodes: 'x1', aws: { region: 'eu-central-1', image: 'ami-1', instanceTypes: ['m7i.large'] } },
    ]),
    [],
  )
  assert.deepEqual(findProblems([{ nodes: 'c1' }]), [`${path}: needs one of \`command\` and \`aws\``])
  assert.deepEqual(findProblems([{ nodes: 'c1', command, aws }]), [
    `${path}: needs one of \`command\` and \`aws\``,
  ])
  assert.deepEqual(findProblems([{ nodes: 'c1', aws: { region: 'eu-central-1', image: 'ami-1' } }]), [
    `${path}.aws: needs \`launchTemplate\`, or \`image\` and \`instanceTypes\``,
  ])
})

test('nodes are written as Slurm writes them, and of one pool', () => {
  assert.deepEqual(findProblems([{ nodes: 'c[1-', command }]), [`${path}.nodes: not a list of nodes: c[1-`])
  assert.deepEqual(
    findProblems([
      { nodes: 'c[1-3]', command },
      { nodes: 'c[3-4]', command },
    ]),
    ['scheduler.slurm.cloud.pools[1].nodes: another pool has c3'],
  )
})
