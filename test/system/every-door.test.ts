import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, describe, test } from 'node:test'

import { type Platform, startPlatform } from '../support/platform.ts'
import { requestServer, trivialConfig, waitUntilReady } from '../support/servers.ts'

/** Doors that let strangers in, as the API's document says. Each says there why; one more is a decision, not an accident. */
const openDoors = [
  'DELETE /api/v1/session',
  // A cluster's own token opens these two for its scheduler, and a user's the end of a cluster: the handler asks.
  'DELETE /gateway/api/v1/clusters/{cluster}',
  'DELETE /hub/user/{user}',
  'DELETE /hub/user/{user}/{path}',
  'GET /api/v1/openapi.json',
  'GET /favicon.ico',
  'GET /gateway/api/health',
  'GET /gateway/api/version',
  'GET /hub',
  'GET /hub/api',
  'GET /hub/api/',
  'GET /hub/api/health',
  'GET /hub/error/{status}',
  'GET /hub/first-visit',
  'GET /hub/health',
  'GET /hub/invitation',
  'GET /hub/login',
  'GET /hub/logo',
  'GET /hub/logout',
  'GET /hub/set-password',
  'GET /hub/static/{path}',
  'PATCH /hub/user/{user}',
  'PATCH /hub/user/{user}/{path}',
  'POST /api/v1/links/inspect',
  'POST /api/v1/links/use',
  'POST /api/v1/session',
  'POST /gateway/api/v1/clusters/{cluster}/heartbeat',
  'POST /hub/api/authorizations/token',
  // A munge credential is asked for by the driver.
  'POST /hub/api/jobs/launch',
  'POST /hub/api/jobs/report',
  'POST /hub/api/oauth2/token',
  'POST /hub/api/users/{user}/tokens',
  'POST /hub/login',
  'POST /hub/user/{user}',
  'POST /hub/user/{user}/{path}',
  'PUT /hub/user/{user}',
  'PUT /hub/user/{user}/{path}',
]

/** What a stranger may show. */
const strangers: readonly Record<string, string>[] = [
  {},
  { authorization: 'token 0123456789abcdef' },
  { authorization: 'Basic YWRtaW46YWRtaW4=' },
  { cookie: 'atrium-session=0123456789abcdef' },
  { 'x-forwarded-user': 'admin', 'x-forwarded-for': '127.0.0.1', 'remote-user': 'admin' },
]

/** As a program, as a browser, and to go on as a websocket. */
const ways: readonly Record<string, string>[] = [
  {},
  { accept: 'text/html' },
  {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
  },
]

interface Answer {
  status: number
  location: string
}

interface ApiDocument {
  paths: Record<string, Record<string, { security: object[] }>>
}

describe('every door of a running platform', () => {
  let platform: Platform
  let doors: readonly { method: string; path: string; isOpen: boolean }[]

  before(async () => {
    platform = await startPlatform({ config: trivialConfig })
    await requestServer(platform, 'alice')
    await waitUntilReady(platform, 'alice')
    const { body } = await platform.api<ApiDocument>('GET', '/api/v1/openapi.json')
    doors = Object.entries(body.paths).flatMap(([path, operations]) =>
      Object.entries(operations).map(([method, { security }]) => ({
        method: method.toUpperCase(),
        path,
        isOpen: security.length === 0 || security.some(isNothing),
      })),
    )
  })
  after(() => platform?.dispose())

  function ask(method: string, path: string, headers: Record<string, string>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const asked = request(new URL(path, platform.url), { method, headers, agent: false })
      asked.once('response', (answer) => {
        answer.resume()
        resolve({ status: answer.statusCode ?? 0, location: answer.headers.location ?? '' })
      })
      asked.once('upgrade', (_answer, socket) => {
        socket.destroy()
        resolve({ status: 101, location: '' })
      })
      asked.once('error', reject)
      asked.end()
    })
  }

  test('is open or shut as its document says, and no more are open than are known', () => {
    assert.ok(doors.length > 120)
    const open = doors.filter(({ isOpen }) => isOpen).map(({ method, path }) => `${method} ${path}`)
    assert.deepEqual(open.toSorted(), openDoors)
  })

  test('that is shut is shut to every stranger, by request and by websocket', async () => {
    for (const { method, path } of doors.filter(({ isOpen }) => !isOpen))
      await assertShut(method, path.replaceAll(/\{\w+\}/g, 'alice'))
  })

  test('of a cluster, which its scheduler has too, is shut to strangers', async () => {
    await assertShut('DELETE', '/gateway/api/v1/clusters/0123456789abcdef0123456789abcdef')
    await assertShut('POST', '/gateway/api/v1/clusters/0123456789abcdef0123456789abcdef/heartbeat')
  })

  test('of users’ servers, which the edge keeps itself, is shut to them too', async () => {
    const token = await platform.adminToken()
    assert.equal((await ask('GET', '/user/alice/', { authorization: `token ${token}` })).status, 200)
    for (const path of ['/user/alice/', '/user/alice/api/kernels', '/user/nobody/', '/user/alice/none/x']) {
      for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD', 'PROPFIND'])
        await assertShut(method, path)
    }
  })

  /** Whatever a stranger shows, and however they ask: refused, or sent to sign in. */
  async function assertShut(method: string, path: string): Promise<void> {
    const tries = strangers.flatMap((headers) => ways.map((way) => ({ ...headers, ...way })))
    const answers = await Promise.all(tries.map((headers) => ask(method, path, headers)))
    answers.forEach(({ status, location }, at) => {
      // Clients of Dask Gateway send nothing before they were told to.
      const asksFirst = status === 401 && path.startsWith('/gateway/')
      const isShut =
        asksFirst || status === 403 || (status === 302 && location.startsWith('/hub/login?next='))
      assert.ok(isShut, `${status} to ${method} ${path} ${JSON.stringify(tries[at])}`)
    })
  }
})

/** An empty way in the document: credentials are not needed. */
function isNothing(way: object): boolean {
  return Object.keys(way).length === 0
}
