import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { scopeTable } from '@atrium/contract/permissions.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import type { Principal, SessionPrincipal } from '#identity/principal.ts'
import { buildScopeSet } from '#identity/scope-set.ts'
import { createSilentLogger } from '#platform/log.ts'
import { createAllRoutes } from './all-routes.ts'
import { createApp } from './app.ts'
import type { Route } from './define-route.ts'
import { buildOpenApi } from './openapi.ts'
import { createRouteStubs } from './testing/route-stubs.ts'
import { createXsrf } from './xsrf.ts'

/** A good token that may do nothing. */
const powerless: Principal = {
  kind: 'user',
  id: 1,
  name: 'eve',
  admin: false,
  scopes: buildScopeSet([], () => false),
  credential: {
    kind: 'token',
    id: 1,
    clientId: 'jupyterhub',
    sessionId: null,
    expiresAtMs: null,
    serverId: null,
  },
}

const { routes } = createAllRoutes(createRouteStubs())

/** A browser in which somebody is signed in who may do everything. */
const browser: SessionPrincipal = {
  ...powerless,
  kind: 'user',
  admin: true,
  scopes: buildScopeSet(Object.keys(scopeTable), () => false),
  credential: { kind: 'session', id: 1, sessionId: 'its public id', expiresAtMs: 0 },
}

const xsrfKey = Buffer.alloc(32, 1)

/** An app whose handlers do nothing but count the requests that reach them; `as browser` for those that come with its session. */
function openApp(reached: string[], registered: string[] = []): FastifyInstance {
  return createApp({
    routes: routes.map(
      (route): Route => ({
        ...route,
        // Past the guards, a body that fits no schema would be refused for that.
        checkedBy: 'handler',
        schemas: { responses: route.schemas.responses },
        handler({ principal }, reply) {
          reached.push(`${route.method} ${route.path}${principal === browser ? ' as browser' : ''}`)
          return reply.code(299).send()
        },
      }),
    ),
    principals: {
      findByToken: (secret) => (secret === 'powerless' ? powerless : undefined),
      findBySession: (secret) => (secret === 'session' ? browser : undefined),
    },
    xsrfKey,
    secure: false,
    onRegistered: (route) => registered.push(route),
    log: createSilentLogger(),
  })
}

const urlOf = ({ path }: Route) => path.replaceAll(/:[A-Za-z]+/g, 'alice').replace('*', 'x')
const isClosed = ({ authentication }: Route) =>
  authentication === 'session' || authentication === 'token-or-session' || authentication === 'token'
/** Clients of Dask Gateway send nothing before they have seen a 401. */
const refusalOf = ({ protocol }: Route) => (protocol === 'dask-gateway' ? 401 : 403)

/** True for routes that a browser's session lets in, but those that say why they need no proof. */
const takesSessions = ({ authentication, xsrf }: Route) =>
  !['none', 'token', 'optional-token'].includes(authentication) && typeof xsrf !== 'object'

const session = { cookie: 'atrium-session=session' }
const token = createXsrf({ key: xsrfKey, secure: false }).tokenFor(
  { headers: {} } as FastifyRequest,
  { header: () => undefined } as unknown as FastifyReply,
  browser.credential.sessionId,
)
const json = { 'content-type': 'application/json' }
const proven = { ...session, ...json, 'x-xsrftoken': token }

/** What pages of other sites, or of users' servers, can have a browser send with its session. */
const forged: readonly Record<string, string>[] = [
  { ...session },
  { ...session, ...json },
  { ...session, 'content-type': 'text/plain' },
  { ...session, 'content-type': 'text/plain; application/json' },
  { ...session, 'content-type': 'application/x-www-form-urlencoded' },
  { ...session, 'content-type': 'multipart/form-data; boundary=x' },
  { ...session, ...json, 'x-xsrftoken': 'guessed' },
  { ...session, ...json, cookie: `${session.cookie}; _xsrf=${token}` },
  { ...proven, 'sec-fetch-site': 'cross-site' },
  { ...proven, 'sec-fetch-site': 'same-site' },
  { ...proven, origin: 'https://evil.example' },
  { ...proven, origin: 'null' },
]

describe('every route', () => {
  test('of the router is a declared one, or its HEAD', async () => {
    const registered: string[] = []
    const app = openApp([], registered)
    await app.ready()
    const declared = routes.flatMap(({ method, path }) =>
      method === 'GET' ? [`GET ${path}`, `HEAD ${path}`] : [`${method} ${path}`],
    )
    assert.ok(declared.length > 120, 'too few routes to mean anything')
    assert.deepEqual(registered.toSorted(), declared.toSorted())
  })

  test('that is not open lets no stranger in, whatever the method, nor an upgrade', async () => {
    const reached: string[] = []
    const app = openApp(reached)
    for (const route of routes.filter(isClosed)) {
      for (const method of route.method === 'GET' ? (['GET', 'HEAD'] as const) : [route.method]) {
        const answer = await app.inject({ method, url: urlOf(route) })
        const sent =
          answer.statusCode === 302 && String(answer.headers.location).startsWith('/hub/login?next=')
        const refused = answer.statusCode === refusalOf(route)
        assert.ok(refused || sent, `${method} ${route.path}: ${answer.statusCode}`)
      }
    }
    assert.deepEqual(reached, [])
  })

  test('that needs a scope refuses who has none', async () => {
    const reached: string[] = []
    const app = openApp(reached)
    const guarded = routes.filter(({ access }) => 'anyOf' in access)
    assert.ok(guarded.length > 60)
    for (const route of guarded) {
      const headers = { authorization: 'token powerless' }
      const answer = await app.inject({ method: route.method, url: urlOf(route), headers })
      const isSent = route.authentication === 'session' && answer.statusCode === 302
      assert.ok(answer.statusCode === 403 || isSent, `${route.method} ${route.path}: ${answer.statusCode}`)
    }
    assert.deepEqual(reached, [])
  })

  test('that changes something asks a browser for its proof, whatever another site can make it send', async () => {
    const reached: string[] = []
    const app = openApp(reached)
    const changing = routes.filter((route) => route.method !== 'GET' && takesSessions(route))
    assert.ok(changing.length > 40)
    for (const route of changing) {
      for (const headers of forged) {
        const url = urlOf(route)
        const answer = await app.inject({ method: route.method, url, headers, payload: '{}' })
        assert.ok(
          [299, 403].includes(answer.statusCode),
          `${route.method} ${route.path}: ${answer.statusCode}`,
        )
      }
    }
    // Who is let in without a session is no browser's victim.
    assert.deepEqual(
      reached.filter((one) => one.endsWith(' as browser')),
      [],
    )
    for (const route of changing) {
      await app.inject({ method: route.method, url: urlOf(route), headers: proven, payload: '{}' })
    }
    assert.deepEqual(
      reached.filter((one) => one.endsWith(' as browser')),
      changing.map(({ method, path }) => `${method} ${path} as browser`),
      'with the proof all let it in',
    )
  })

  test('for programs alone lets in no browser, even with its proof', async () => {
    const reached: string[] = []
    const app = openApp(reached)
    const forPrograms = routes.filter(({ authentication }) => authentication === 'token')
    assert.ok(forPrograms.length > 5)
    for (const route of forPrograms) {
      const answer = await app.inject({
        method: route.method,
        url: urlOf(route),
        headers: proven,
        payload: '{}',
      })
      assert.equal(answer.statusCode, 401, route.path)
      assert.equal(answer.headers['www-authenticate'], 'jupyterhub')
    }
    assert.deepEqual(reached, [])
  })

  test('that is read by scripts asks a browser for its proof', async () => {
    const reached: string[] = []
    const app = openApp(reached)
    const readable = routes.filter(
      (route) => route.method === 'GET' && takesSessions(route) && route.answers !== 'page',
    )
    assert.ok(readable.length > 30)
    for (const route of readable) {
      for (const mode of ['cors', 'no-cors', 'same-origin']) {
        const headers = { cookie: 'atrium-session=session', 'sec-fetch-mode': mode }
        await app.inject({ url: urlOf(route), headers })
        await app.inject({ url: urlOf(route), headers: { ...headers, 'sec-fetch-site': 'same-origin' } })
      }
    }
    assert.deepEqual(reached, [])
  })

  test('that needs a scope is closed to strangers, and that is open says why', () => {
    for (const route of routes) {
      if ('anyOf' in route.access) assert.ok(isClosed(route), `${route.method} ${route.path}`)
      else assert.ok(route.access.open.length > 10, `${route.method} ${route.path}`)
    }
  })

  test('is in the document, which is committed as it is', async () => {
    const committed = JSON.parse(
      await readFile(join(import.meta.dirname, '../../../docs/openapi.json'), 'utf8'),
    )
    const document = buildOpenApi(routes, { version: committed.info.version })
    const operations = Object.values(document['paths'] as Record<string, object>).flatMap((path) =>
      Object.keys(path),
    )
    assert.equal(operations.length, routes.length)
    const ids = Object.values(
      document['paths'] as Record<string, Record<string, { operationId: string }>>,
    ).flatMap((path) => Object.values(path).map(({ operationId }) => operationId))
    assert.equal(new Set(ids).size, ids.length, 'two operations of one id')
    assert.deepEqual(committed, JSON.parse(JSON.stringify(document)), 'run npm run docs')
  })
})

test('an upgrade gets past no guard', async (t) => {
  const reached: string[] = []
  const app = openApp(reached)
  t.after(() => app.close())
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  for (const route of routes.filter(isClosed)) {
    const answer = await askToUpgrade(port, route)
    assert.match(answer, /^HTTP\/1\.1 (40[13] |302 Found\r\n(.*\r\n)*location: \/hub\/login\?)/, route.path)
  }
  assert.deepEqual(reached, [])
})

/** The head of the answer to a request that wants to go on as a websocket. */
async function askToUpgrade(port: number, route: Route): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const lines = [
    'Host: x',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
  ]
  socket.write(`${route.method} ${urlOf(route)} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
  const [data] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return data.toString()
}
