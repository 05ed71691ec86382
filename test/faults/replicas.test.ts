import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { waitFor } from '@atrium/server/platform/wait-for.ts'

import type { Platform } from '../support/platform.ts'
import { findJobProcesses, trivialServer } from '../support/servers.ts'
import { startTwoControlPlanes, whyNoPostgres } from '../support/two-control-planes.ts'

/** Clients that ask at the same time, and the servers that each of them starts before and after the kill. */
const clients = 6
const serversEach = 3
/** The edge's word for a request whose answer it lost. */
const lostAnswer = 503

describe('two control planes on PostgreSQL', { skip: whyNoPostgres }, () => {
  test('one is killed under load, then the other: no request is lost beyond those in flight, and no job', async (t) => {
    const { platform, second } = await startTwoControlPlanes(t, { servers: { command: trivialServer } })
    const first = startLoad(platform, 'a')
    await waitFor('half of the servers to be asked for', () => first.started.length > clients)
    await platform.kill()
    const users = [...(await first.done())]
    await platform.startAgain()
    const next = startLoad(platform, 'b')
    await waitFor('half of the servers to be asked for', () => next.started.length > clients)
    await second.kill()
    users.push(...(await next.done()))
    assert.equal(users.length, 2 * clients * serversEach)
    await waitFor('every server', async () => (await listReady(platform)).length === users.length, {
      deadlineMs: 120_000,
      everyMs: 200,
    })
    assert.deepEqual((await listReady(platform)).toSorted(), users.toSorted())
    for (const user of users) assert.equal(findJobProcesses(platform, user).length, 1, user)
    const { body } = await platform.api<QuotaList>('GET', '/api/v1/quotas')
    assert.equal(body.quotas.find(({ subject }) => subject === 'platform')?.used.servers, users.length)
  })
})

interface QuotaList {
  quotas: { subject: string; used: { servers: number } }[]
}

/** Each client makes users and starts their servers, one after the other, by the public door; every answer must be a good one. */
function startLoad(platform: Platform, name: string) {
  const started: string[] = []
  let lost = 0
  /** What is in flight at the moment of a kill may be lost. It is asked again, and may have been done the first time. */
  const ask = async (path: string, done: number) => {
    const post = () => platform.api('POST', path, { body: {} }).catch(() => undefined)
    const answer = await post()
    if (answer !== undefined && answer.status < 300) return
    assert.ok(answer === undefined || answer.status === lostAnswer, JSON.stringify(answer))
    lost++
    const again = await post()
    assert.ok(again !== undefined && (again.status < 300 || again.status === done), JSON.stringify(again))
  }
  const work = async (client: number) => {
    for (let index = 0; index < serversEach; index++) {
      const user = `${name}-${client}-${index}`
      await ask(`/hub/api/users/${user}`, 409)
      await ask(`/hub/api/users/${user}/server`, 400)
      started.push(user)
    }
  }
  const done = Promise.all(Array.from({ length: clients }, (_, client) => work(client)))
  return {
    started,
    async done(): Promise<readonly string[]> {
      await done
      assert.ok(lost <= clients, `${lost} requests were lost`)
      return started
    },
  }
}

async function listReady(platform: Platform): Promise<readonly string[]> {
  const { body } = await platform.api<{ name: string }[]>('GET', '/hub/api/users?state=ready&limit=1000')
  return body.map(({ name }) => name)
}
