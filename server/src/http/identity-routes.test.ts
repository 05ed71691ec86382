import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'

import { type IdentitySite, openIdentitySite } from '#identity/testing.ts'
import { systemActor } from '#observe/audit.ts'
import { createSilentLogger } from '#platform/log.ts'
import { type TestStoreKind, testStoreKinds } from '#store/testing.ts'
import { createApp } from './app.ts'
import { createIdentityRoutes } from './identity-routes.ts'
import { checkAnswer } from './testing/check-answer.ts'

interface Answer {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into as they come
  body: any
}

/** Asks as the user whose token it is; `METHOD /path`. */
type Ask = (as: string | undefined, request: string, body?: unknown, headers?: object) => Promise<Answer>

interface ApiSite extends IdentitySite {
  ask: Ask
  /** Users whose servers were to be stopped. */
  stopped: string[]
}

async function openApiSite(t: TestContext, kind: TestStoreKind): Promise<ApiSite> {
  const site = await openIdentitySite(t, kind)
  const { identity } = site
  const role = { description: '', users: [], groups: [], services: [] }
  await identity.applyConfig({
    admins: ['root'],
    groups: { physics: { users: ['alice', 'carol'], properties: {} } },
    roles: [
      {
        ...role,
        name: 'lead',
        scopes: ['list:users!group=physics', 'read:users!group=physics'],
        users: ['carol'],
      },
      { ...role, name: 'people', scopes: ['admin:users'], users: ['percy'] },
    ],
  })
  await identity.users.create([{ name: 'bob' }], systemActor)
  const tokens = new Map<string, string>()
  for (const name of ['root', 'alice', 'bob', 'carol', 'percy']) {
    const { id } = await identity.users.get(name)
    const owner = { kind: 'user', id, name } as const
    tokens.set(
      name,
      (await identity.tokens.create({ owner, scopes: ['inherit'], note: '' }, systemActor)).secret,
    )
  }
  const stopped: string[] = []
  const app = createApp({
    routes: createIdentityRoutes({
      identity,
      models: { ofUsers: async () => new Map(), usersWith: async () => new Set() },
      stopServers: async ({ name }) => void stopped.push(name),
      info: { version: '1', signIn: 'local', driver: 'local' },
    }),
    principals: identity.principals,
    xsrfKey: Buffer.alloc(32, 1),
    secure: false,
    log: createSilentLogger(),
    checkAnswer,
  })
  const ask: Ask = async (as, request, body, headers = {}) => {
    const [method = '', url = ''] = request.split(' ')
    const secret = as === undefined ? undefined : (tokens.get(as) ?? as)
    const answer = await app.inject({
      method: method as 'GET',
      url,
      headers: { ...(secret === undefined ? {} : { authorization: `token ${secret}` }), ...headers },
      ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    return { status: answer.statusCode, body: answer.body === '' ? undefined : JSON.parse(answer.body) }
  }
  return { ...site, ask, stopped }
}

const namesOf = ({ body }: Answer): string[] => body.map((one: { name: string }) => one.name)

for (const kind of testStoreKinds) {
  describe(`REST API of users on ${kind.kind}`, () => {
    test('says who asks, by which credential, and what it may do', async (t) => {
      const { ask, identity } = await openApiSite(t, kind)
      const { status, body } = await ask('alice', 'GET /hub/api/user')
      assert.equal(status, 200)
      assert.deepEqual(
        [body.kind, body.name, body.admin, body.groups, body.roles, body.session_id, body.server],
        ['user', 'alice', false, ['physics'], ['user'], null, null],
      )
      assert.match(body.token_id, /^a\d+$/)
      assert.ok(body.scopes.includes('servers!user=alice'))
      assert.match(body.created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
      const { secret } = await identity.tokens.create(
        {
          owner: { kind: 'user', id: (await identity.users.get('bob')).id, name: 'bob' },
          scopes: [],
          note: '',
        },
        systemActor,
      )
      const narrow = await ask(secret, 'GET /hub/api/user')
      assert.deepEqual(Object.keys(narrow.body).sort(), [
        'admin',
        'groups',
        'kind',
        'name',
        'scopes',
        'session_id',
        'token_id',
        'user_info',
      ])
      assert.equal((await ask(undefined, 'GET /hub/api/user')).status, 403)
      await identity.services.create({ name: 'culler', apiToken: 'culler-token-0123456789' }, systemActor)
      const service = await ask('culler-token-0123456789', 'GET /hub/api/user')
      assert.deepEqual([service.body.kind, service.body.name, service.body.scopes], ['service', 'culler', []])
    })

    test('lists as a list and as pages, and to each what they may see', async (t) => {
      const { ask } = await openApiSite(t, kind)
      assert.deepEqual(namesOf(await ask('root', 'GET /hub/api/users?sort=name')), [
        'alice',
        'bob',
        'carol',
        'percy',
        'root',
      ])
      assert.deepEqual(namesOf(await ask('carol', 'GET /hub/api/users?sort=-name')), ['carol', 'alice'])
      assert.equal((await ask('alice', 'GET /hub/api/users')).status, 403)
      const accept = { accept: 'application/jupyterhub-pagination+json' }
      const page = await ask('root', 'GET /hub/api/users?sort=name&offset=1&limit=2', undefined, {
        ...accept,
        host: 'hub.example',
      })
      assert.deepEqual(page.body._pagination, {
        offset: 1,
        limit: 2,
        total: 5,
        next: {
          offset: 3,
          limit: 2,
          url: 'http://hub.example/hub/api/users?sort=name&offset=3&limit=2',
        },
      })
      assert.equal((await ask('root', 'GET /hub/api/users?sort=shoe')).status, 400)
      assert.equal(
        (await ask('root', 'GET /hub/api/users?state=asleep')).body.message,
        "Unrecognized state filter: 'asleep'",
      )
    })

    test('numbers without end and bodies without bottom are refused, not failures', async (t) => {
      const { ask } = await openApiSite(t, kind)
      for (const offset of ['99999999999999999999', '9'.repeat(400)]) {
        assert.deepEqual((await ask('root', `GET /hub/api/users?offset=${offset}`)).body, [])
        assert.deepEqual((await ask('root', `GET /hub/api/groups?offset=${offset}`)).body, [])
      }
      const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`
      for (const body of [deep, `{"auth_state":{"a":${deep}}}`, '['.repeat(1_000_000)]) {
        assert.equal((await ask('root', 'PATCH /hub/api/users/alice', body)).status, 400)
      }
      assert.equal((await ask('root', 'PATCH /hub/api/users/alice', { auth_state: { a: deep } })).status, 200)
      const shown = await ask('root', 'PATCH /hub/api/users/alice', { colour: 'x'.repeat(100_000) })
      assert.ok(shown.body.message.length < 2000)
    })

    test('shows nobody more of a user than their scopes cover', async (t) => {
      const { ask } = await openApiSite(t, kind)
      assert.equal((await ask('root', 'GET /hub/api/users/alice')).body.auth_state, null)
      assert.equal('auth_state' in (await ask('alice', 'GET /hub/api/users/alice')).body, false)
      const hidden = {
        status: 404,
        message: 'No access to resources or resources not found',
        code: 'not_found',
      }
      assert.deepEqual((await ask('bob', 'GET /hub/api/users/alice')).body, hidden)
      assert.deepEqual(
        (await ask('bob', 'GET /hub/api/users/nobody')).body,
        hidden,
        'nor whether there is one',
      )
      assert.equal((await ask('carol', 'GET /hub/api/users/alice')).status, 200)
      assert.equal((await ask('carol', 'GET /hub/api/users/bob')).status, 404)
    })

    test('creates, changes and deletes, and only administrators make administrators', async (t) => {
      const { ask, identity, stopped } = await openApiSite(t, kind)
      const several = await ask('percy', 'POST /hub/api/users', { usernames: ['Dan', 'bob'] })
      assert.deepEqual([several.status, namesOf(several)], [201, ['dan']])
      assert.equal(
        (await ask('percy', 'POST /hub/api/users', { usernames: ['dan'] })).body.message,
        'All 1 users already exist',
      )
      assert.equal(
        (await ask('percy', 'POST /hub/api/users', { usernames: ['eve'], admin: true })).status,
        403,
      )
      assert.equal((await ask('percy', 'POST /hub/api/users/eve', { admin: true })).status, 403)
      assert.equal(await identity.users.find('eve'), undefined)
      assert.equal((await ask('percy', 'PATCH /hub/api/users/percy', { admin: true })).status, 403)
      assert.equal((await ask('percy', 'PATCH /hub/api/users/root', { name: 'x' })).status, 403)
      assert.equal(
        (await ask('percy', 'DELETE /hub/api/users/percy')).body.message,
        'Cannot delete yourself!',
      )
      assert.equal((await ask('root', 'POST /hub/api/users/..%2Fx')).status, 400)
      const renamed = await ask('root', 'PATCH /hub/api/users/dan', { name: 'Daniel', admin: true })
      assert.deepEqual([renamed.body.name, renamed.body.roles], ['daniel', ['admin', 'user']])
      assert.equal(
        (await ask('root', 'PATCH /hub/api/users/daniel', { colour: 'red' })).body.message,
        "Invalid JSON keys: {'colour': 'red'}",
      )
      assert.equal((await ask('root', 'DELETE /hub/api/users/daniel')).status, 204)
      assert.deepEqual(stopped, ['daniel'])
      assert.equal((await ask('root', 'DELETE /hub/api/users/daniel')).status, 404)
    })
  })

  describe(`REST API of tokens on ${kind.kind}`, () => {
    test('makes them for who may, never with more than the owner has', async (t) => {
      const { ask, identity } = await openApiSite(t, kind)
      const made = await ask('alice', 'POST /hub/api/users/alice/tokens', {
        scopes: ['read:users!user'],
        expires_in: 60,
      })
      assert.equal(made.status, 201)
      assert.equal(made.body.note, 'Requested via api')
      assert.equal((await ask(made.body.token, 'GET /hub/api/user')).body.name, 'alice')
      const more = await ask('alice', 'POST /hub/api/users/alice/tokens', { scopes: ['read:hub'] })
      assert.equal(more.body.message, 'Not assigning requested scopes read:hub not held by User alice')
      const forAlice = await ask('root', 'POST /hub/api/users/alice/tokens', { scopes: ['shutdown'] })
      assert.equal(forAlice.status, 400, 'not even by an administrator')
      assert.equal((await ask('bob', 'POST /hub/api/users/alice/tokens')).status, 403)
      const listed = await ask('alice', 'GET /hub/api/users/alice/tokens')
      assert.ok(!JSON.stringify(listed.body).includes(made.body.token))
      assert.equal((await ask('alice', `DELETE /hub/api/users/alice/tokens/${made.body.id}`)).status, 204)
      assert.equal((await ask(made.body.token, 'GET /hub/api/user')).status, 403)
      const alice = await identity.users.get('alice')
      await identity.passwords.setPassword(alice.id, 'correct horse', systemActor)
      const auth = { username: 'alice', password: 'correct horse' }
      assert.equal((await ask(undefined, 'POST /hub/api/users/alice/tokens', { auth })).status, 201)
      assert.equal((await ask(undefined, 'POST /hub/api/users/bob/tokens', { auth })).status, 403)
      assert.equal(
        (await ask(undefined, 'POST /hub/api/users/alice/tokens', { auth: { ...auth, password: 'x' } }))
          .status,
        403,
      )
    })

    test('neither a far end nor a long note spoils the list of tokens', async (t) => {
      const { ask } = await openApiSite(t, kind)
      for (const expires_in of [40_000_000_000, 9_000_000_000_000, Number.MAX_SAFE_INTEGER]) {
        const refused = await ask('alice', 'POST /hub/api/users/alice/tokens', { expires_in })
        assert.equal(refused.status, 400, `${expires_in}`)
      }
      const long = await ask('alice', 'POST /hub/api/users/alice/tokens', { note: 'x'.repeat(10_001) })
      assert.equal(long.status, 400)
      const far = await ask('alice', 'POST /hub/api/users/alice/tokens', { expires_in: 31_000_000_000 })
      assert.match(far.body.expires_at, /^30\d\d-/)
      assert.equal((await ask('alice', 'GET /hub/api/users/alice/tokens')).body.api_tokens.length, 2)
    })

    test('a narrow one cannot make a wider one', async (t) => {
      const { ask } = await openApiSite(t, kind)
      const narrow = await ask('alice', 'POST /hub/api/users/alice/tokens', { scopes: ['read:tokens!user'] })
      assert.equal((await ask(narrow.body.token, 'POST /hub/api/users/alice/tokens')).status, 403)
    })
  })

  describe(`REST API of groups and services on ${kind.kind}`, () => {
    test('groups are made, filled, emptied and removed', async (t) => {
      const { ask } = await openApiSite(t, kind)
      assert.deepEqual(
        namesOf(await ask('root', 'POST /hub/api/groups', { groups: ['a', 'b'], users: ['bob'] })),
        ['a', 'b'],
      )
      assert.equal((await ask('root', 'POST /hub/api/groups/a')).body.message, 'Group a already exists')
      assert.deepEqual(
        (await ask('root', 'POST /hub/api/groups/a/users', { users: ['alice'] })).body.users.sort(),
        ['alice', 'bob'],
      )
      assert.deepEqual((await ask('root', 'DELETE /hub/api/groups/a/users', { users: ['bob'] })).body.users, [
        'alice',
      ])
      assert.deepEqual((await ask('root', 'PUT /hub/api/groups/a/properties', { x: 1 })).body.properties, {
        x: 1,
      })
      assert.equal((await ask('alice', 'GET /hub/api/groups/a')).status, 403)
      assert.equal((await ask('root', 'DELETE /hub/api/groups/a')).status, 204)
      assert.equal((await ask('root', 'GET /hub/api/groups/a')).body.message, 'No such group: a')
    })

    test('services come and go by API with their tokens, and give nobody more', async (t) => {
      const { ask } = await openApiSite(t, kind)
      const token = 'extra-token-0123456789'
      const made = await ask('root', 'POST /hub/api/services/extra', { api_token: token, info: { a: 1 } })
      assert.deepEqual([made.status, made.body.info], [201, { a: 1 }])
      assert.equal((await ask(token, 'GET /hub/api/user')).body.name, 'extra')
      assert.deepEqual(Object.keys((await ask('root', 'GET /hub/api/services')).body), ['extra'])
      assert.equal(
        (await ask('root', 'POST /hub/api/services/two', { api_token: token })).status,
        400,
        'the token is taken',
      )
      for (const oauth_redirect_uri of ['javascript:alert(1)', '//evil.example/', '/\\evil.example/', 'x']) {
        const body = { api_token: 'other-token-0123456789', oauth_redirect_uri }
        assert.equal(
          (await ask('root', 'POST /hub/api/services/three', body)).status,
          400,
          oauth_redirect_uri,
        )
      }
      assert.equal((await ask('alice', 'POST /hub/api/services/mine', { display: true })).status, 403)
      assert.equal((await ask('root', 'DELETE /hub/api/services/extra')).status, 200)
      assert.equal((await ask(token, 'GET /hub/api/user')).status, 403)
    })

    test('a service that goes takes along what people gave it', async (t) => {
      const { ask, identity, store } = await openApiSite(t, kind)
      const body = { api_token: 'extra-token-0123456789', oauth_redirect_uri: '/extra' }
      assert.equal((await ask('root', 'POST /hub/api/services/extra', body)).status, 201)
      const { id, name } = await identity.users.get('alice')
      const { secret } = await store.transaction((tx) =>
        identity.tokens.issue(tx, {
          owner: { kind: 'user', id, name },
          scopes: ['self'],
          note: '',
          clientId: 'service-extra',
        }),
      )
      assert.equal((await ask(secret, 'GET /hub/api/users/alice')).status, 200)
      assert.equal((await ask('root', 'DELETE /hub/api/services/extra')).status, 200)
      assert.equal((await ask(secret, 'GET /hub/api/users/alice')).status, 403)
      assert.equal((await ask('alice', 'GET /hub/api/users/alice')).status, 200)
    })
  })
}

test('info, version and health are where clients look for them', async (t) => {
  const [kind] = testStoreKinds
  assert.ok(kind)
  const { ask } = await openApiSite(t, kind)
  assert.deepEqual((await ask(undefined, 'GET /hub/api')).body, { version: '6.1.1' })
  assert.deepEqual((await ask(undefined, 'GET /hub/api/')).body, { version: '6.1.1' })
  assert.equal((await ask(undefined, 'GET /hub/health')).status, 200)
  assert.equal((await ask('root', 'GET /hub/api/info')).body.spawner.class, 'atrium.local')
  assert.equal((await ask('alice', 'GET /hub/api/info')).status, 403)
})
