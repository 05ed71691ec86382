import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chownSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { findInstallationRoot } from '#platform/installation.ts'

import type { Finding } from './finding.ts'

const atrium = join(findInstallationRoot(), 'cli', 'bin', 'atrium.mjs')

function runDoctor(args: readonly string[], cwd: string) {
  return spawnSync(process.execPath, [atrium, 'doctor', ...args], { cwd, encoding: 'utf8', timeout: 60_000 })
}

describe('atrium doctor on one machine', () => {
  let folder = ''
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'atrium-doctor-'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  test('looks at this machine alone, and says what it saw', () => {
    const { stdout, stderr } = runDoctor(['--data', join(folder, 'data'), '--json'], folder)
    assert.ok(stdout.startsWith('{'), stderr)
    const { findings, problems } = JSON.parse(stdout) as { findings: Finding[]; problems: number }
    assert.deepEqual(
      findings.map(({ check }) => check),
      ['data folder', 'disk', 'python', 'port'],
    )
    assert.equal(problems, findings.filter(({ status }) => status === 'problem').length)
  })

  test("another user's data folder is a problem, with the way out", {
    skip: process.getuid?.() === 0 ? false : 'needs root',
  }, () => {
    const data = mkdtempSync(join(folder, 'theirs-'))
    chownSync(data, 12_345, 12_345)
    const { status, stdout } = runDoctor(['--data', data], folder)
    assert.equal(status, 1)
    assert.match(stdout, /^problem +data folder +.* belongs to uid 12345.*\n +Run this as that user/m)
    assert.match(stdout, /\d problems?/)
  })

  test('a wrong command line', () => {
    const { status, stderr } = runDoctor(['--config', join(folder, 'absent.yaml')], folder)
    assert.equal(status, 1)
    assert.match(stderr, /absent\.yaml/)
  })
})
