import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'

import type { RunDetail } from '@atrium/contract/runs-api.ts'
import type { ServerDetails } from '@atrium/contract/servers.ts'
import type { UsageReport } from '@atrium/contract/usage-api.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { createPerson, signIn } from '../real-parts/people.ts'
import { trivialServer } from '../support/servers.ts'
import { type PlatformSite, startPlatformSite } from './platform-site.ts'
import { kubernetesSkipReason, openSharedKubernetesCluster } from './shared-cluster.ts'

const hourMs = 3_600_000
const program = readFileSync(trivialServer.at(-1) ?? '', 'utf8')

describe('people on a Kubernetes cluster', { skip: kubernetesSkipReason }, () => {
  let site: PlatformSite
  const tokens = new Map<string, string>()

  before(async () => {
    site = await startPlatformSite(openSharedKubernetesCluster(), {
      servers: { command: [...trivialServer.slice(0, -1), '-c', program], idle: { stop: false } },
      profiles: [{ name: 'small', cpu: 0.1, memory: '64M', timeLimit: '1h', default: true }],
      quotas: { users: { carol: { servers: 1 } } },
    })
    for (const name of ['alice', 'bob', 'carol']) {
      await createPerson(site.platform, name)
      const path = `/hub/api/users/${name}/tokens`
      const { body } = await site.platform.api<{ token: string }>('POST', path, { body: { note: 'test' } })
      tokens.set(name, body.token)
    }
    await site.platform.api('POST', '/hub/api/groups/physics')
    await site.platform.api('POST', '/hub/api/groups/physics/users', { body: { users: ['alice', 'bob'] } })
  })
  after(() => site?.dispose())

  const find = async (user: string, name = '-') =>
    (await site.platform.api<ServerDetails>('GET', `/api/v1/servers/${user}/${name}`)).body
  async function start(user: string, name = ''): Promise<void> {
    const path = `/hub/api/users/${user}/${name === '' ? 'server' : `servers/${name}`}`
    const { status, body } = await site.platform.api('POST', path, { body: {} })
    assert.ok(status === 201 || status === 202, JSON.stringify(body))
  }
  const untilState = (user: string, name: string, state: string) =>
    waitFor(
      `${user}'s server to be ${state}`,
      async () => {
        const server = await find(user, name)
        assert.notEqual(server.state, 'failed', server.message ?? 'it failed')
        return server.state === state && server
      },
      { deadlineMs: 120_000, everyMs: 100 },
    )

  /** What a shell's script of somebody's printed, as a run of theirs. */
  async function run(user: string, script: string): Promise<{ state: string; output: string }> {
    const token = tokens.get(user) ?? ''
    const body = { command: ['sh', '-c', script] }
    const { body: made } = await site.platform.api<RunDetail>('POST', '/api/v1/runs', { body, token })
    const done = await waitFor(
      'the run to end',
      async () => {
        const { body } = await site.platform.api<RunDetail>('GET', `/api/v1/runs/${made.id}`, { token })
        return ['succeeded', 'failed'].includes(body.state) && body
      },
      { deadlineMs: 120_000, everyMs: 200 },
    )
    const log = await fetch(new URL(`/api/v1/runs/${made.id}/log`, site.platform.url), {
      headers: { authorization: `Bearer ${token}` },
    })
    return { state: done.state, output: await log.text() }
  }

  test('a group’s folder is shared by its members and closed to others', async () => {
    const wrote = await run('alice', 'echo from alice >~/shared/physics/note && id -u')
    assert.deepEqual(wrote, { state: 'succeeded', output: '20000\n' })
    const read = await run(
      'bob',
      'cat ~/shared/physics/note && echo and bob >>~/shared/physics/note && id -u',
    )
    assert.deepEqual(read, { state: 'succeeded', output: 'from alice\n20001\n' })
    const closed = await run('carol', 'ls ~/shared /shared /home 2>&1; id -G')
    assert.doesNotMatch(closed.output, /physics|alice|bob/)
    assert.equal((await run('alice', 'cat ~/shared/physics/note')).output, 'from alice\nand bob\n')
  })

  test('a start is told step by step', async () => {
    const started = start('alice')
    await waitFor('the start', async () => !['stopped', 'running'].includes((await find('alice')).state), {
      everyMs: 20,
    })
    const answer = await fetch(new URL('/hub/api/users/alice/server/progress', site.platform.url), {
      headers: { authorization: `Bearer ${await site.platform.adminToken()}` },
    })
    const events = [...(await answer.text()).matchAll(/^data: ?(.*)$/gm)].map(
      ([, data = '']) => JSON.parse(data) as { message: string; ready?: boolean },
    )
    await started
    assert.equal(events.at(-1)?.ready, true, JSON.stringify(events))
    assert.ok(
      events.some(({ message }) => message.includes('node1')),
      JSON.stringify(events),
    )
  })

  test('a server ends when its time is over, and says when that is', async () => {
    const { jobKey, endsAtMs = 0, readyAtMs = 0 } = await untilState('alice', '-', 'running')
    assert.ok(endsAtMs - readyAtMs > hourMs - 120_000 && endsAtMs - readyAtMs <= hourMs)
    const seconds = '--output=jsonpath={.spec.activeDeadlineSeconds}'
    assert.equal(await site.kubectl('get', 'pod', `atrium-${jobKey}-1`, seconds), '3600')
  })

  test('named servers have pods of their own', async () => {
    await start('alice', 'second')
    const second = await untilState('alice', 'second', 'running')
    const pods = await site.kubectl(
      'get',
      'pods',
      '--selector=atrium.dev/owner=n-alice,atrium.dev/kind=server',
      '--output=name',
    )
    assert.match(pods, new RegExp(`atrium-${second.jobKey}-1`))
    assert.equal(pods.trim().split('\n').length, 2)
  })

  test('a server is shared with whom its owner names', async () => {
    const path = '/hub/api/shares/alice/'
    const browsers = { bob: await signIn(site.platform, 'bob'), carol: await signIn(site.platform, 'carol') }
    const shared = await site.platform.api('POST', path, { body: { user: 'bob' } })
    assert.equal(shared.status, 200, JSON.stringify(shared.body))
    await waitFor('bob to get in', async () => (await browsers.bob.open('/user/alice/')).status === 200, {
      deadlineMs: 30_000,
    })
    assert.ok([403, 404].includes((await browsers.carol.open('/user/alice/')).status))
  })

  test('what is beyond a quota waits in line, and starts when there is room', async () => {
    await start('carol')
    await untilState('carol', '-', 'running')
    await site.platform.api('POST', '/hub/api/users/carol/servers/later', { body: {} })
    await untilState('carol', 'later', 'queued')
    await site.platform.api('DELETE', '/hub/api/users/carol/server')
    await untilState('carol', 'later', 'running')
  })

  test('what was used is accounted for', async () => {
    await site.platform.api('DELETE', '/hub/api/users/alice/server')
    await untilState('alice', '-', 'stopped')
    const { body } = await site.platform.api<UsageReport>('GET', '/api/v1/usage?by=user&user=alice')
    const [row] = body.rows
    assert.equal(row?.name, 'alice')
    assert.ok((row?.coreHours ?? 0) > 0, JSON.stringify(row))
  })
})
