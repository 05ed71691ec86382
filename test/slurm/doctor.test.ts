import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import type { Finding } from '@atrium/server/main/doctor/finding.ts'
import { type ProgramResult, tryProgram } from '../support/cluster/run-program.ts'
import { findFreePort } from '../support/free-port.ts'
import type { SlurmCluster } from './cluster.ts'
import { openSharedSlurmCluster, slurmSkipReason } from './shared-cluster.ts'

const root = join(import.meta.dirname, '..', '..')
const program = join(root, 'server', 'src', 'main', 'doctor.ts')

interface Answer extends ProgramResult {
  findings: readonly Finding[]
}

describe('atrium doctor on a Slurm site', { skip: slurmSkipReason }, () => {
  let cluster: SlurmCluster
  let folder = ''
  let port = 0

  before(async () => {
    cluster = openSharedSlurmCluster()
    folder = mkdtempSync(join(cluster.dir, 'doctor-'))
    chmodSync(folder, 0o755)
    mkdirSync(join(folder, 'shared'))
    writeFileSync(join(folder, 'helper.conf'), `slurm_conf = ${cluster.env.SLURM_CONF}\n`)
    port = await findFreePort()
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  function buildSite(changes: object = {}): object {
    return {
      shared: join(folder, 'shared'),
      hubUrl: `http://${cluster.controlAddress}:${port}`,
      slurmConf: cluster.env.SLURM_CONF,
      mungeSocket: cluster.mungeSocket,
      python: '/usr/bin/python3',
      ports: { first: 25_000, last: 25_999 },
      helper: [join(root, 'deploy', 'slurm', 'atrium-slurm-helper'), '--config', join(folder, 'helper.conf')],
      ...changes,
    }
  }

  async function examine(changes: object = {}, args: readonly string[] = []): Promise<Answer> {
    const config = join(folder, 'atrium.yaml')
    // JSON is YAML.
    const content = {
      data: join(folder, 'data'),
      edge: { host: '0.0.0.0', port },
      scheduler: { driver: 'slurm', slurm: buildSite(changes) },
    }
    writeFileSync(config, JSON.stringify(content))
    const words = [program, '--config', config, '--json', '--as', 'alice', '--partition', 'main', ...args]
    const result = await tryProgram(process.execPath, words, { timeoutMs: 120_000 })
    assert.ok(result.stdout.startsWith('{'), result.stderr)
    return { ...result, findings: JSON.parse(result.stdout).findings }
  }

  const troubles = ({ findings }: Answer, status: Finding['status'] = 'problem') =>
    findings.filter((finding) => finding.status === status).map(({ check, text }) => `${check}: ${text}`)

  const hasOnly = (answer: Answer, ...patterns: RegExp[]) => {
    const found = troubles(answer)
    assert.equal(found.length, patterns.length, found.join('\n'))
    for (const pattern of patterns)
      assert.ok(
        found.some((text) => pattern.test(text)),
        `${pattern} is not in ${found}`,
      )
    assert.equal(answer.code, patterns.length === 0 ? 0 : 1)
  }

  test('a good site, by the helper', async () => {
    const answer = await examine()
    hasOnly(answer)
    for (const check of [
      'slurmctld',
      'slurmdbd',
      'munge',
      'helper',
      'main: shared',
      'main: home',
      'main: munge',
      'main: clock',
      'main: way here',
      'main: way there',
      'main: memory limit',
    ]) {
      assert.ok(
        answer.findings.some((finding) => finding.check === check && finding.status === 'ok'),
        `${check} in ${answer.stdout}`,
      )
    }
  })

  test('a good site, by slurmrestd', async () => {
    const rest = { url: cluster.restUrl, jwtKeyFile: cluster.jwtKeyPath, user: 'slurm' }
    const answer = await examine({ rest, helper: [join(folder, 'absent')] })
    hasOnly(answer)
    assert.match(troubles(answer, 'warning').join(), /helper: .*only needed while slurmrestd is away/)
    assert.ok(
      answer.findings.some(({ check, text }) => check === 'REST queue' && /token is taken/.test(text)),
    )
  })

  test('it leaves nothing behind', async () => {
    const { stdout } = await tryProgram('find', [join(folder, 'shared'), '-name', 'doctor-*'])
    assert.equal(stdout, '')
  })

  test('no helper', async () => {
    hasOnly(
      await examine({ helper: [join(folder, 'absent')] }),
      /^helper: /,
      /^partition main: the job is refused/,
    )
  })

  test('no munge', async () => {
    const answer = await examine({ mungeSocket: join(folder, 'no-socket') })
    hasOnly(answer, /^munge: .*munge ended/, /^main: munge: n\d makes no credential/)
  })

  test('a key that is not the cluster’s, and one that everybody reads', async () => {
    const jwtKeyFile = join(folder, 'jwt.key')
    writeFileSync(jwtKeyFile, randomBytes(32), { mode: 0o600 })
    const rest = { url: cluster.restUrl, jwtKeyFile, user: 'slurm' }
    hasOnly(await examine({ rest }), /^slurmrestd: .*does not take the token/)
    chmodSync(jwtKeyFile, 0o644)
    hasOnly(await examine({ rest }), /^slurmrestd: /, /^REST secret: others/)
  })

  test('a folder that nodes do not see', async () => {
    // Every host of the cluster has a /tmp of its own.
    const shared = mkdtempSync(join(tmpdir(), 'atrium-doctor-'))
    chmodSync(shared, 0o755)
    try {
      hasOnly(await examine({ shared }), /^partition main: n\d does not see/)
    } finally {
      rmSync(shared, { recursive: true, force: true })
    }
  })

  test('an interpreter that nodes do not have', async () => {
    const python = join(tmpdir(), `atrium-doctor-python-${process.pid}`)
    const { stdout } = await tryProgram('readlink', ['-f', '/usr/bin/python3'])
    writeFileSync(python, `#!/bin/sh\nexec ${stdout.trim()} "$@"\n`, { mode: 0o755 })
    try {
      hasOnly(await examine({ python }), /^partition main: there is no .* on n\d/)
    } finally {
      rmSync(python)
    }
  })

  test('an address that nodes do not reach', async () => {
    const hubUrl = `http://${cluster.controlAddress}:1`
    hasOnly(await examine({ hubUrl }), /^main: way here: n\d does not reach .*refused/)
  })

  test('a daemon that is away', async () => {
    await cluster.daemon('slurmdbd').kill()
    try {
      const answer = await examine({}, ['--wait', '0'])
      assert.match(troubles(answer, 'warning').join(), /slurmdbd: Slurm does not answer/)
    } finally {
      await cluster.daemon('slurmdbd').start()
    }
  })

  test('somebody without an account with Slurm', async () => {
    const answer = await examine({}, ['--as', 'nobody'])
    hasOnly(answer, /^account of nobody: none/, /^partition main: the job is refused/)
  })
})
