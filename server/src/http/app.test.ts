import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Type } from 'typebox'
import type { Principal, SessionPrincipal } from '#identity/principal.ts'
import { buildScopeSet } from '#identity/scope-set.ts'
import { createSilentLogger } from '#platform/log.ts'
import { createApp } from './app.ts'
import { defineRoute, type Route } from './define-route.ts'

const alice = (scopes: string[]): Principal => ({
  kind: 'user',
  id: 1,
  name: 'alice',
  admin: false,
  scopes: buildScopeSet(scopes, () => false),
  credential: {
    kind: 'token',
    id: 1,
    clientId: 'jupyterhub',
    sessionId: null,
    expiresAtMs: null,
    serverId: null,
  },
})

const browser: SessionPrincipal = {
  ...alice(['read:users!user=alice', 'users!user=alice']),
  kind: 'user',
  credential: { kind: 'session', id: 3, sessionId: 's1', expiresAtMs: 9e12 },
}

const routes: Route[] = [
  defineRoute({
    method: 'GET',
    path: '/hub/api/users/:user',
    summary: 'One user.',
    tag: 'users',
    authentication: 'token-or-session',
    access: { anyOf: ['read:users'], on: 'user' },
    schemas: {
      params: Type.Object({ user: Type.String() }),
      responses: { 200: Type.Object({ name: Type.String() }) },
    },
    handler: ({ params }) => ({ name: params.user }),
  }),
  defineRoute({
    method: 'POST',
    path: '/hub/api/users/:user',
    summary: 'Changes a user.',
    tag: 'users',
    authentication: 'token-or-session',
    access: { anyOf: ['users'], on: 'user' },
    schemas: {
      params: Type.Object({ user: Type.String() }),
      query: Type.Object({ limit: Type.Optional(Type.Integer()) }),
      body: Type.Object({ admin: Type.Boolean() }),
      responses: { 201: Type.Unknown() },
    },
    handler({ body, query, principal }, reply) {
      reply.code(201)
      return { admin: body.admin, limit: query.limit ?? null, by: principal.name }
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/hub/home',
    summary: 'Home.',
    tag: 'pages',
    authentication: 'session',
    access: { open: 'every user has a home page' },
    answers: 'page',
    schemas: { responses: { 200: Type.String() } },
    handler(request, reply) {
      reply.type('text/html')
      return `<p>${request.xsrfToken()}`
    },
  }),
]

function openApp() {
  return createApp({
    routes,
    principals: {
      findByToken: (secret) => (secret === 'good' ? alice(['read:users!user=alice', 'users']) : undefined),
      findBySession: async (secret) => (secret === 'cookie' ? browser : undefined),
    },
    xsrfKey: Buffer.alloc(32, 1),
    secure: false,
    log: createSilentLogger(),
  })
}

const asToken = { authorization: 'token good' }
const asBrowser = {
  cookie: 'x=y; atrium-session=cookie',
  'sec-fetch-site': 'same-origin',
  'sec-fetch-mode': 'cors',
}

test('answers a token holder within the scope, hides the rest, and refuses strangers', async () => {
  const app = openApp()
  const get = (url: string, headers = {}) => app.inject({ url, headers })
  assert.deepEqual((await get('/hub/api/users/alice', asToken)).json(), { name: 'alice' })
  assert.equal((await get('/hub/api/users/bob', asToken)).statusCode, 404)
  const refused = await get('/hub/api/users/alice')
  assert.equal(refused.statusCode, 403)
  assert.deepEqual(refused.json(), {
    status: 403,
    message: 'Missing or invalid credentials.',
    code: 'unauthenticated',
  })
})

test('a wrong token is not made good by a session cookie', async () => {
  const answer = await openApp().inject({
    url: '/hub/api/users/alice',
    headers: { ...asBrowser, 'sec-fetch-mode': 'navigate', authorization: 'token bad' },
  })
  assert.equal(answer.statusCode, 403)
})

test('reads a body as JSON whatever its type says, and names what does not fit', async () => {
  const app = openApp()
  const post = (payload: string, headers = {}, url = '/hub/api/users/alice?limit=3') =>
    app.inject({ method: 'POST', url, payload, headers: { ...asToken, ...headers } })
  const good = await post('{"admin":true}', { 'content-type': 'application/x-www-form-urlencoded' })
  assert.equal(good.statusCode, 201)
  assert.deepEqual(good.json(), { admin: true, limit: 3, by: 'alice' })
  assert.equal((await post('{')).json().message, 'Invalid JSON in body of request')
  assert.match((await post('{"admin":1}')).json().message, /admin/)
  assert.match((await post('{"admin":true}', {}, '/hub/api/users/alice?limit=x')).json().message, /limit/)
  assert.equal((await post('x'.repeat(1024 * 1024 + 1))).statusCode, 413)
})

test('a browser must send back the token of its page, from our own origin, as JSON', async () => {
  const app = openApp()
  const home = await app.inject({ url: '/hub/home', headers: asBrowser })
  const token = home.body.slice(3)
  assert.match(String(home.headers['set-cookie']), new RegExp(`^_xsrf=${token}; Path=/hub/`))
  const post = (headers = {}) =>
    app.inject({
      method: 'POST',
      url: '/hub/api/users/alice',
      payload: '{"admin":true}',
      headers: { ...asBrowser, 'content-type': 'application/json', ...headers },
    })
  assert.equal((await post({ 'x-xsrftoken': token })).statusCode, 201)
  assert.equal((await post()).json().message, "'_xsrf' argument missing from POST")
  assert.equal((await post({ 'x-xsrftoken': 'a.b' })).json().code, 'xsrf_failed')
  assert.equal(
    (await post({ 'x-xsrftoken': token, 'sec-fetch-site': 'cross-site' })).json().code,
    'xsrf_failed',
  )
  assert.equal(
    (await post({ 'x-xsrftoken': token, 'content-type': 'text/plain' })).json().code,
    'unauthenticated',
  )
})

test("a script's read by session needs the token too, a navigation does not", async () => {
  const get = (headers: Record<string, string>) =>
    openApp().inject({ url: '/hub/api/users/alice', headers: { ...asBrowser, ...headers } })
  assert.equal((await get({})).statusCode, 403)
  assert.equal((await get({ 'sec-fetch-mode': 'navigate' })).statusCode, 200)
})

test('sends who is not signed in from a page to the sign-in page and back', async () => {
  const answer = await openApp().inject({ url: '/hub/home?a=b' })
  assert.equal(answer.statusCode, 302)
  assert.equal(answer.headers.location, '/hub/login?next=%2Fhub%2Fhome%3Fa%3Db')
})

test('tells a wrong method from a wrong path', async () => {
  const app = openApp()
  const wrong = await app.inject({ method: 'DELETE', url: '/hub/api/users/alice' })
  assert.equal(wrong.statusCode, 405)
  assert.equal(wrong.headers.allow, 'GET, HEAD, POST, OPTIONS')
  assert.equal((await app.inject({ method: 'OPTIONS', url: '/hub/api/users/alice' })).statusCode, 200)
  assert.deepEqual((await app.inject({ url: '/hub/api/nothing' })).json().message, 'Not Found')
  const page = await app.inject({ url: '/nothing' })
  assert.equal(page.statusCode, 404)
  assert.match(String(page.headers['content-type']), /html/)
})
