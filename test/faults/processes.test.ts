import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { type Platform, startPlatform } from '../support/platform.ts'
import {
  findJobProcesses,
  findServerModel,
  requestServer,
  trivialConfig,
  waitUntilReady,
  waitUntilStopped,
} from '../support/servers.ts'

const many = 200

interface ServerEnd {
  state: string
  reason: string
  message: string
}

/** The node agent of this platform: the program that was given its data folder. */
function findAgent({ data }: Platform): number {
  const lines = execFileSync('ps', ['-eo', 'pid=,args=']).toString().split('\n')
  return Number.parseInt(lines.find((line) => line.includes(` agent --data ${data} `)) ?? '', 10)
}

describe('processes killed without a word', () => {
  test('the edge: it comes back by itself with every route, and servers did not notice', async (t) => {
    const platform = await startPlatform({ config: trivialConfig })
    t.after(() => platform.dispose())
    await requestServer(platform, 'alice')
    await waitUntilReady(platform, 'alice')
    const before = findJobProcesses(platform, 'alice')
    const { pids } = JSON.parse(await readFile(join(platform.data, 'platform.json'), 'utf8')) as {
      pids: { edge: number }
    }
    process.kill(pids.edge, 'SIGKILL')
    const answer = await waitFor('alice’s server through the new edge', async () => {
      const response = await fetch(`${platform.url}/user/alice/`, {
        headers: { authorization: `Bearer ${await platform.adminToken()}` },
      }).catch(() => undefined)
      return response?.status === 200 ? response : undefined
    })
    assert.equal(await answer.text(), 'ok')
    assert.deepEqual(findJobProcesses(platform, 'alice'), before)
  })

  test('the node agent: servers go on, and can be reached, stopped and started', async (t) => {
    const platform = await startPlatform({ config: trivialConfig })
    t.after(() => platform.dispose())
    for (const user of ['alice', 'bob']) {
      await requestServer(platform, user)
      await waitUntilReady(platform, user)
    }
    const before = [...findJobProcesses(platform)].sort()
    process.kill(findAgent(platform), 'SIGKILL')
    const headers = { authorization: `Bearer ${await platform.adminToken()}` }
    assert.equal(await (await fetch(`${platform.url}/user/alice/`, { headers })).text(), 'ok')
    await platform.api('DELETE', '/hub/api/users/bob/server')
    await waitUntilStopped(platform, 'bob')
    assert.ok((await requestServer(platform, 'carol')) < 300)
    await waitUntilReady(platform, 'carol')
    const [alice, bob, carol] = ['alice', 'bob', 'carol'].map((user) => findJobProcesses(platform, user))
    assert.deepEqual([bob, carol?.length], [[], 1])
    assert.ok(alice?.every((pid) => before.includes(pid)) && alice.length === 1)
  })

  test('a server: its end and cause are known within a second, and the way to a new one is offered', async (t) => {
    const platform = await startPlatform({ config: trivialConfig })
    t.after(() => platform.dispose())
    await requestServer(platform, 'alice')
    await waitUntilReady(platform, 'alice')
    for (const pid of findJobProcesses(platform, 'alice')) process.kill(pid, 'SIGKILL')
    await waitFor('the end', async () => (await findServerModel(platform, 'alice'))?.ready !== true)
    const { body } = await platform.api<ServerEnd>('GET', '/api/v1/servers/alice/-')
    assert.deepEqual(
      [body.state, body.reason, body.message],
      ['failed', 'exit_status', 'It was ended by SIGKILL.'],
    )
    const headers = { authorization: `Bearer ${await platform.adminToken()}`, accept: 'text/html' }
    const page = await fetch(`${platform.url}/user/alice/`, { headers, redirect: 'manual' })
    assert.ok([302, 424, 503].includes(page.status), String(page.status))
    assert.equal(await requestServer(platform, 'alice').then((status) => status < 300), true)
    await waitUntilReady(platform, 'alice')
  })

  test(`the control plane with ${many} running servers: all are found again, none is started twice`, async (t) => {
    const platform = await startPlatform({ config: trivialConfig })
    t.after(() => platform.dispose())
    const users = Array.from({ length: many }, (_, index) => `user-${index}`)
    await platform.api('POST', '/hub/api/users', { body: { usernames: users } })
    await Promise.all(users.map((user) => requestServer(platform, user)))
    await waitFor('all servers', async () => (await countReady()) === many, {
      deadlineMs: 120_000,
      everyMs: 200,
    })
    const before = [...findJobProcesses(platform)].sort()
    assert.equal(before.length, many)
    await platform.kill()
    await platform.startAgain()
    await waitFor('all servers again', async () => (await countReady()) === many, { everyMs: 100 })
    assert.deepEqual([...findJobProcesses(platform)].sort(), before)
    const answer = await fetch(`${platform.url}/user/user-7/`, {
      headers: { authorization: `Bearer ${await platform.adminToken()}` },
    })
    assert.equal(answer.status, 200)

    async function countReady(): Promise<number> {
      const { body } = await platform.api<{ servers: Record<string, { ready: boolean }> }[]>(
        'GET',
        '/hub/api/users?state=ready&limit=1000',
      )
      return body.length
    }
  })
})
