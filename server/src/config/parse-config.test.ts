import assert from 'node:assert/strict'
import { test } from 'node:test'

import { ConfigError } from './config-problem.ts'
import { parseConfig } from './parse-config.ts'

function findProblems(text: string): readonly { path: string; line?: number; message: string }[] {
  try {
    parseConfig(text, 'atrium.yaml')
    return []
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.problems
  }
}

test('what is no address of a proxy is named with its line', () => {
  const good = ['10.0.0.7', '10.0.0.0/8', '::1', 'fd00::/8', '0.0.0.0/0']
  const bad = ['localhost', '10.0.0.0/33', '10.0.0.0/x', '10.0.0/8', '::1/129', '10.0.0.0/8/8', '']
  const list = (ranges: readonly string[]) =>
    `edge:\n  trustedProxies:\n${ranges.map((range) => `    - "${range}"\n`).join('')}`
  assert.deepEqual(findProblems(list(good)), [])
  const problems = findProblems(list(bad))
  assert.deepEqual(
    problems.map(({ path, line }) => [path, line]),
    bad.map((_, at) => [`edge.trustedProxies[${at}]`, at + 3]),
  )
  assert.match(problems[0]?.message ?? '', /"localhost" is no address/)
})

test('an upload is limited by a size', () => {
  assert.equal(parseConfig('edge: {maxUpload: 20G}', 'atrium.yaml').edge.maxUpload, '20G')
  assert.equal(findProblems('edge: {maxUpload: much}').length, 1)
})
