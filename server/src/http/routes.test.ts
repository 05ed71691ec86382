import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { FastifyInstance } from 'fastify'
import type { Principal } from '#identity/principal.ts'
import { buildScopeSet } from '#identity/scope-set.ts'
import { createSilentLogger } from '#platform/log.ts'
import { createAllRoutes } from './all-routes.ts'
import { createApp } from './app.ts'
import type { Route } from './define-route.ts'
import { buildOpenApi } from './openapi.ts'
import { createRouteStubs } from './testing/route-stubs.ts'

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

/** An app whose handlers count instead of doing anything. */
function openApp(reached: string[], registered: string[] = []): FastifyInstance {
  return createApp({
    routes: routes.map(
      (route): Route => ({
        ...route,
        handler(_request, reply) {
          reached.push(`${route.method} ${route.path}`)
          return reply.code(299).send()
        },
      }),
    ),
    principals: {
      findByToken: (secret) => (secret === 'powerless' ? powerless : undefined),
      findBySession: () => undefined,
    },
    xsrfKey: Buffer.alloc(32, 1),
    secure: false,
    onRegistered: (route) => registered.push(route),
    log: createSilentLogger(),
  })
}

const urlOf = ({ path }: Route) => path.replaceAll(/:[A-Za-z]+/g, 'alice').replace('*', 'x')
const isClosed = ({ authentication }: Route) =>
  authentication === 'session' || authentication === 'token-or-session'

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
        assert.ok(answer.statusCode === 403 || sent, `${method} ${route.path}: ${answer.statusCode}`)
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
      assert.ok(
        [403, 404, 302].includes(answer.statusCode),
        `${route.method} ${route.path}: ${answer.statusCode}`,
      )
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
  for (const path of ['/hub/api/user', '/hub/api/users/alice/server', '/api/v1/jobs']) {
    const socket = connect(port, '127.0.0.1')
    const lines = [
      'Host: x',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    ]
    socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
    const [data] = (await once(socket, 'data')) as [Buffer]
    socket.destroy()
    assert.match(data.toString(), /^HTTP\/1\.1 403 /, path)
  }
  assert.deepEqual(reached, [])
})
