import assert from 'node:assert/strict'
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import type { UsageReport } from '@atrium/contract/usage-api.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { type Platform, runCli, startPlatform } from '../support/platform.ts'
import { findJobProcesses, trivialConfig } from '../support/servers.ts'

describe('the command line', () => {
  let platform: Platform
  const atrium = (...args: string[]) => runCli([...args, '--data', platform.data])
  const atriumJson = async <T>(...args: string[]): Promise<T> => {
    const { code, stdout, stderr } = await atrium(...args, '--json')
    assert.equal(code, 0, stderr)
    return JSON.parse(stdout) as T
  }

  const readMetrics = async () => {
    const headers = { authorization: `Bearer ${await platform.adminToken()}` }
    return (await fetch(`${platform.url}/hub/metrics`, { headers })).text()
  }

  before(async () => {
    platform = await startPlatform({ config: trivialConfig })
  })
  after(() => platform.dispose())

  test('status says what is enforced, to people and to programs', async () => {
    const { code, stdout } = await atrium('status')
    assert.equal(code, 0)
    assert.match(stdout, /^Limits +(NOT enforced|.+ enforced): ./m)
    const status = await atriumJson<{ scheduler: { answers: boolean } }>('status')
    assert.equal(status.scheduler.answers, true)
  })

  test('users are added, changed, listed and removed', async () => {
    await atriumJson('user', 'add', 'alice', 'bob')
    assert.equal((await atriumJson<{ admin: boolean }>('user', 'admin', 'bob')).admin, true)
    assert.equal((await atriumJson<{ name: string }>('user', 'rename', 'bob', 'carol')).name, 'carol')
    const users = await atriumJson<{ name: string; admin: boolean }[]>('user', 'list')
    assert.deepEqual(
      users.map(({ name, admin }) => [name, admin]),
      [
        ['alice', false],
        ['carol', true],
      ],
    )
    await atriumJson('user', 'remove', 'carol')
    assert.equal((await atrium('user', 'remove', 'carol')).code, 1)
  })

  test('usage is told of a day, to people and to programs', async () => {
    const report = await atriumJson<{ by: string; rows: unknown[] }>('usage', '--by', 'group')
    assert.deepEqual([report.by, report.rows], ['group', []])
    assert.match((await atrium('usage')).stdout, /to \d{4}-\d\d-\d\d \(UTC\)\nNothing was used\.\n$/)
    assert.equal((await atrium('usage', '--by', 'hour')).code, 2)
    assert.equal((await atrium('usage', '--from', 'today')).code, 1)
  })

  test('groups have members', async () => {
    await atriumJson('group', 'add', 'physics')
    const group = await atriumJson<{ users: string[] }>('group', 'add-user', 'physics', 'alice')
    assert.deepEqual(group.users, ['alice'])
    assert.deepEqual(
      (await atriumJson<{ name: string }[]>('group', 'list')).map(({ name }) => name),
      ['physics'],
    )
  })

  test('links lead to where browsers reach the platform', async () => {
    for (const args of [
      ['invite', 'dave'],
      ['reset-password', 'alice'],
      ['sign-in-link', 'alice'],
    ]) {
      const { url } = await atriumJson<{ url: string }>('user', ...args)
      assert.ok(url.startsWith(`${platform.url}/hub/`), url)
    }
  })

  test('a token is printed once, lets in, and is revoked', async () => {
    const { stdout } = await atrium('token', 'create', '--user', 'alice', '--note', 'laptop')
    const token = stdout.trim()
    assert.equal((await platform.api<{ name: string }>('GET', '/hub/api/user', { token })).body.name, 'alice')
    const [listed] = await atriumJson<{ id: string; note: string }[]>('token', 'list', '--user', 'alice')
    assert.equal(listed?.note, 'laptop')
    assert.ok(!JSON.stringify(listed).includes(token))
    await atriumJson('token', 'revoke', listed.id, '--user', 'alice')
    assert.equal((await platform.api('GET', '/hub/api/user', { token })).status, 403)
  })

  test('a server is started with its progress shown, listed, and stopped', async () => {
    const started = await atrium('server', 'start', 'alice')
    assert.equal(started.code, 0, started.stderr)
    assert.equal(started.stdout.trim(), `${platform.url}/user/alice/`)
    assert.match(started.stderr, /ready/i)
    assert.equal((await atriumJson<unknown[]>('server', 'list')).length, 1)
    assert.match((await atrium('logs', 'alice')).stdout, /listening/)
    const { text } = await atriumJson<{ text: string }>('logs', 'alice')
    assert.match(text, /listening/)
    assert.equal((await atrium('server', 'stop', 'alice')).code, 0)
    await waitFor('the end', () => findJobProcesses(platform).length === 0)
    const used = await waitFor('what it used', async () => {
      const { rows } = await atriumJson<UsageReport>('usage', '--by', 'user')
      return rows.find(({ runs }) => runs > 0)
    })
    assert.deepEqual([used.name, used.runs], ['alice', 1])
    const metrics = await readMetrics()
    assert.match(metrics, /^atrium_usage_core_hours_total\{kind="server"\} [\d.e-]+$/m)
    assert.match(metrics, /^atrium_usage_group_core_hours_total\{group="physics",kind="server"\} [\d.e-]+$/m)
  })

  test('a backup is written once, and never over a file', async () => {
    const file = join(platform.data, 'copy.db')
    const backup = await atriumJson<{ bytes: number }>('db', 'backup', file)
    assert.equal((await stat(file)).size, backup.bytes)
    assert.match((await atrium('db', 'backup', file)).stderr, /exists already/)
    assert.equal((await stat(file)).mode & 0o777, 0o600)
  })

  test('no administrator’s token has a backup written from afar', async () => {
    await platform.api('POST', '/hub/api/users/chief', { body: { admin: true } })
    const made = await platform.api<{ token: string }>('POST', '/hub/api/users/chief/tokens', { body: {} })
    const file = join(platform.data, 'from-afar.db')
    const answer = await platform.api<{ code: string }>('POST', '/api/v1/database/backup', {
      body: { file },
      token: made.body.token,
    })
    assert.deepEqual([answer.status, answer.body.code], [403, 'forbidden'])
    await assert.rejects(stat(file), { code: 'ENOENT' })
  })

  test('plan shows what a start would change; after the start nothing is left of it', async () => {
    const config = join(platform.data, 'other.yaml')
    await writeFile(config, 'groups: {biology: {users: [erin]}}\n')
    const { changes } = await atriumJson<{ changes: unknown[] }>('plan', '--config', config)
    assert.deepEqual(changes, [
      { action: 'create', kind: 'group', name: 'biology' },
      { action: 'create', kind: 'user', name: 'erin' },
    ])
    const users = await atriumJson<{ name: string }[]>('user', 'list')
    assert.ok(!users.some(({ name }) => name === 'erin'))
    const { stdout } = await atrium('plan', '--config', join(platform.data, 'atrium.yaml'))
    assert.equal(stdout.trim(), 'Nothing would change.')
  })

  test('plan needs no configuration where there is none, and says what it will make', async () => {
    const { code, stdout } = await runCli(['plan', '--json', '--data', join(platform.data, 'new')])
    assert.equal(code, 0)
    assert.deepEqual((JSON.parse(stdout) as { changes: { kind: string }[] }).changes[0]?.kind, 'platform')
  })

  test('validate names the line, the value seen, what is allowed and the nearest key', async () => {
    const config = join(platform.data, 'wrong.yaml')
    await writeFile(config, 'edge:\n  prot: 80\nsignIn: {pam: atuo}\n')
    const { code, stdout } = await runCli(['validate', config])
    assert.equal(code, 1)
    assert.match(stdout, /wrong\.yaml:2:3: edge\.prot: unknown key, .*did you mean port\?/)
    assert.match(
      stdout,
      /wrong\.yaml:3:10: signIn\.pam: .*saw "atuo", allowed: auto, on, off, did you mean auto\?/,
    )
  })

  test('a second platform on the same folder is refused; restart keeps the process and the address', async () => {
    const second = await runCli(['up', '--data', platform.data, '--port', '0'])
    assert.equal(second.code, 1)
    assert.match(second.stderr, /already running/)
    const asProgram = await runCli(['up', '--data', platform.data, '--port', '0', '--json'])
    assert.match((JSON.parse(asProgram.stderr) as { error: string }).error, /already running/)
    const before = await atriumJson<{ startedAtMs: number }>('status')
    assert.equal((await atrium('restart')).code, 0)
    const later = await waitFor('the restarted control plane', async () => {
      const { code, stdout } = await atrium('status', '--json')
      const status =
        code === 0 ? (JSON.parse(stdout) as { startedAtMs: number; publicUrl: string }) : undefined
      return status !== undefined && status.startedAtMs > before.startedAtMs ? status : undefined
    })
    assert.equal(later.publicUrl, platform.url)
    process.kill(platform.pid, 0)
  })

  test('a slip on the command line is 2 and names what was meant, to programs as JSON alone', async () => {
    const { code, stderr } = await atrium('status', '--jsno')
    assert.equal(code, 2)
    assert.match(stderr, /unknown option '--jsno'\n\(Did you mean --json\?\)/)
    const asked = await runCli(['usr', 'list', '--json'])
    assert.equal(asked.code, 2)
    assert.deepEqual(JSON.parse(asked.stderr), {
      error: "unknown command 'usr'",
      hint: '(Did you mean user?)',
    })
    const port = await runCli(['up', '--port', 'http', '--json'])
    assert.equal(port.code, 2)
    assert.match((JSON.parse(port.stderr) as { error: string }).error, /--port http/)
  })

  test('a name that nobody has is answered with the nearest one', async () => {
    for (const args of [
      ['user', 'remove', 'alcie'],
      ['user', 'reset-password', 'alcie'],
      ['server', 'start', 'alcie'],
      ['logs', 'alcie'],
      ['token', 'list', '--user', 'alcie'],
    ]) {
      const { code, stderr } = await atrium(...args, '--json')
      assert.equal(code, 1)
      assert.deepEqual(JSON.parse(stderr), {
        error: 'There is no user "alcie".',
        hint: 'Did you mean alice?',
      })
    }
    assert.match((await atrium('logs', 'alice', 'nowhere')).stderr, /alice has no such server/)
  })

  test('what a token may not do is 4', async () => {
    const { stdout } = await atrium('token', 'create', '--user', 'alice')
    const asked = await runCli(['user', 'list', '--data', platform.data], { ATRIUM_TOKEN: stdout.trim() })
    assert.equal(asked.code, 4)
    assert.match(asked.stderr, /list:users/)
  })

  test('where no platform runs, it says how to start one', async () => {
    const { code, stderr } = await runCli(['status', '--data', join(platform.data, 'nowhere')])
    assert.equal(code, 3)
    assert.match(stderr, /atrium up/)
  })
})
