import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'

import { readPage, TestBrowser } from '#http/testing/browser.ts'
import {
  type BrowserSite,
  openBrowserSite,
  password,
  registerServer,
  withSite,
} from '#http/testing/browser-site.ts'
import { testStoreKinds } from '#store/testing.ts'

const secret = 'secret-of-the-server'
const authorizePath = '/hub/api/oauth2/authorize'

interface Client {
  clientId: string
  redirectUri: string
}

async function signIn(site: BrowserSite, name: string): Promise<TestBrowser> {
  const browser = new TestBrowser(site.app)
  await browser.open('/hub/login')
  assert.equal((await browser.post('/hub/login', { username: name, password })).statusCode, 302)
  return browser
}

function buildAuthorizeUrl(
  { clientId, redirectUri }: Client,
  extra: Record<string, string | undefined> = {},
): string {
  const parameters = {
    client_id: clientId,
    redirect_uri: redirectUri,
    response_type: 'code',
    state: 'st',
    ...extra,
  }
  const given = Object.entries(parameters).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  )
  return `${authorizePath}?${new URLSearchParams(given)}`
}

function readCode(location: string | string[] | number | undefined): string {
  const code = new URLSearchParams(String(location).split('?')[1]).get('code')
  assert.ok(code, String(location))
  return code
}

async function getCode(
  browser: TestBrowser,
  client: Client,
  extra: Record<string, string> = {},
): Promise<string> {
  return readCode((await browser.open(buildAuthorizeUrl(client, extra))).headers.location)
}

function redeem(
  site: BrowserSite,
  client: Client,
  code: string,
  extra: Record<string, string | undefined> = {},
  headers = {},
) {
  const fields = {
    client_id: client.clientId,
    client_secret: secret,
    grant_type: 'authorization_code',
    code,
    redirect_uri: client.redirectUri,
    ...extra,
  }
  const given = Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return site.app.inject({
    method: 'POST',
    url: '/hub/api/oauth2/token',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    payload: new URLSearchParams(given).toString(),
  })
}

for (const kind of testStoreKinds) {
  const withAlice = (
    check: (site: BrowserSite, alice: TestBrowser, client: Client) => Promise<void>,
    options = {},
  ) =>
    withSite(
      kind,
      async (site) => {
        const client = await registerServer(site, await site.createUser('alice'), secret)
        await check(site, await signIn(site, 'alice'), client)
      },
      options,
    )

  describe(`the OAuth dance (${kind.kind})`, () => {
    test('gives the owner of a server a token without a question', () =>
      withAlice(async (site, alice, client) => {
        const answer = await alice.open(buildAuthorizeUrl(client))
        assert.equal(answer.statusCode, 302, answer.body)
        assert.match(String(answer.headers.location), /^\/user\/alice\/oauth_callback\?code=[\w-]+&state=st$/)
        const token = await redeem(site, client, readCode(answer.headers.location))
        assert.equal(token.statusCode, 200, token.body)
        assert.equal(token.headers['cache-control'], 'no-store')
        const body = token.json()
        assert.equal(body.token_type, 'Bearer')
        assert.equal(body.expires_in, 1_209_600)
        assert.deepEqual(body.scope.split(' ').sort(), [
          'access:servers!server=alice/',
          'read:users:groups!user',
          'read:users:name!user',
        ])
        const principal = await site.identity.principals.findByToken(body.access_token)
        assert.equal(principal?.name, 'alice')
        assert.deepEqual(principal?.scopes.expanded, [
          'access:servers!server=alice/',
          'read:users:groups!user=alice',
          'read:users:name!user=alice',
        ])
        assert.equal(principal?.credential.sessionId, alice.cookies.get('jupyterhub-session-id')?.value)
      }))

    test('sends who is not signed in to the sign-in page and back', () =>
      withAlice(async (site, _alice, client) => {
        const path = buildAuthorizeUrl(client)
        const answer = await new TestBrowser(site.app).open(path)
        assert.equal(answer.headers.location, `/hub/login?next=${encodeURIComponent(path)}`)
      }))

    test('works over two replicas, and of many redemptions at the same time one succeeds', () =>
      withSite(kind, async (site, storeSite) => {
        const client = await registerServer(site, await site.createUser('alice'), secret)
        const other = await openBrowserSite({ site: storeSite, clock: site.clock })
        try {
          const code = await getCode(await signIn(site, 'alice'), client)
          const answers = await Promise.all(
            [other, site, other, site].map((each) => redeem(each, client, code)),
          )
          assert.deepEqual(answers.map(({ statusCode }) => statusCode).sort(), [200, 400, 400, 400])
          const refused = answers.find(({ statusCode }) => statusCode === 400)
          assert.deepEqual(refused?.json(), { error: 'invalid_grant' })
          const tokens = await site.store.db
            .selectFrom('tokens')
            .select('id')
            .where('client_id', '=', client.clientId)
            .execute()
          assert.equal(tokens.length, 1)
        } finally {
          await other.close()
        }
      }))

    test('binds the token to the verifier whose challenge came with the question', () =>
      withAlice(async (site, alice, client) => {
        const verifier = 'v'.repeat(50)
        const challenge = createHash('sha256').update(verifier).digest('base64url')
        const asked = { code_challenge: challenge, code_challenge_method: 'S256' }
        const right = await redeem(site, client, await getCode(alice, client, asked), {
          code_verifier: verifier,
        })
        assert.equal(right.statusCode, 200)
        for (const extra of [{ code_verifier: 'w'.repeat(50) }, {}]) {
          const code = await getCode(alice, client, asked)
          const wrong = await redeem(site, client, code, extra)
          assert.equal(wrong.statusCode, 400)
          const again = await redeem(site, client, code, { code_verifier: verifier })
          assert.equal(again.statusCode, 200, 'and whoever failed did not use the code up')
        }
        const downgraded = await redeem(site, client, await getCode(alice, client), {
          code_verifier: verifier,
        })
        assert.deepEqual(downgraded.json(), { error: 'invalid_grant' })
      }))

    test('takes the client at its word only with its secret, in the body or by Basic', () =>
      withAlice(async (site, alice, client) => {
        const code = await getCode(alice, client)
        const refusals = [
          { client_secret: 'wrong' },
          { client_secret: undefined },
          { client_id: 'nobody' },
          { client_id: undefined },
        ]
        for (const extra of refusals) {
          const answer = await redeem(site, client, code, extra)
          assert.equal(answer.statusCode, 401)
          assert.deepEqual(answer.json(), { error: 'invalid_client' })
          assert.equal(answer.headers['www-authenticate'], 'Bearer error="invalid_client"')
        }
        const basic = `Basic ${Buffer.from(`${client.clientId}:${secret}`).toString('base64')}`
        const extra = { client_id: undefined, client_secret: undefined }
        const answer = await redeem(site, client, code, extra, { authorization: basic })
        assert.equal(answer.statusCode, 200, 'and whoever failed did not use the code up')
      }))

    test("refuses codes that are old, another client's, or for another place", () =>
      withSite(kind, async (site) => {
        const [own, others] = [
          await registerServer(site, await site.createUser('alice'), secret),
          await registerServer(site, await site.createUser('bob'), secret),
        ]
        const alice = await signIn(site, 'alice')
        const code = await getCode(alice, own)
        assert.deepEqual((await redeem(site, others, code, { redirect_uri: own.redirectUri })).json(), {
          error: 'invalid_grant',
        })
        assert.deepEqual((await redeem(site, own, code, { redirect_uri: '/elsewhere' })).json(), {
          error: 'invalid_request',
          error_description: 'Mismatching redirect URI.',
        })
        const old = await getCode(alice, own)
        site.clock.jump(5 * 60_000 + 1)
        assert.deepEqual((await redeem(site, own, old)).json(), { error: 'invalid_grant' })
      }))

    test("ends with the browser's session: codes and tokens alike", () =>
      withAlice(async (site, alice, client) => {
        const token = (await redeem(site, client, await getCode(alice, client))).json().access_token
        const code = await getCode(alice, client)
        await alice.open('/hub/logout')
        assert.equal(await site.identity.principals.findByToken(token), undefined)
        assert.deepEqual((await redeem(site, client, code)).json(), { error: 'invalid_grant' })
      }))
  })

  describe(`an authorization request (${kind.kind})`, () => {
    test('is never redirected to a place that is not registered', () =>
      withAlice(async (_site, alice, client) => {
        for (const extra of [
          { client_id: 'nobody' },
          { client_id: undefined },
          { redirect_uri: 'https://evil.example/' },
          { redirect_uri: '//evil.example/' },
          { redirect_uri: `${client.redirectUri}/../../mallory/oauth_callback` },
          { redirect_uri: 'oauth_callback' },
        ]) {
          const answer = await alice.open(buildAuthorizeUrl(client, extra))
          assert.equal(answer.statusCode, 400, JSON.stringify(extra))
          assert.equal(answer.headers.location, undefined)
          assert.equal(readPage(answer.body).content['kind'], 'error')
        }
        const twice = await alice.open(`${buildAuthorizeUrl(client)}&client_id=other`)
        assert.equal(twice.statusCode, 400)
      }))

    test('with other faults goes back to the application with the error and its state', () =>
      withAlice(async (_site, alice, client) => {
        const faults: [Record<string, string | undefined>, string][] = [
          [
            { response_type: undefined },
            'error=invalid_request&error_description=Missing+response_type+parameter.',
          ],
          [{ response_type: 'token' }, 'error=unsupported_response_type'],
          [{ scope: 'banana' }, 'error=invalid_scope'],
          [{ scope: 'admin:users' }, 'error=invalid_scope'],
          [{ scope: 'servers!user=bob' }, 'error=invalid_scope'],
          [
            { code_challenge: 'a'.repeat(43), code_challenge_method: 'S1' },
            'error=invalid_request&error_description=Transform+algorithm+not+supported.',
          ],
        ]
        for (const [extra, error] of faults) {
          const { headers } = await alice.open(buildAuthorizeUrl(client, extra))
          assert.equal(headers.location, `${client.redirectUri}?${error}&state=st`)
        }
      }))

    test('asks for the `identify` of old clients and gets just that', () =>
      withAlice(async (site, alice, client) => {
        const token = await redeem(site, client, await getCode(alice, client, { scope: 'identify' }))
        assert.equal(token.statusCode, 200)
      }))

    test('of a user without access is refused, and asked about for one with', () =>
      withSite(kind, async (site) => {
        const client = await registerServer(site, await site.createUser('alice'), secret)
        await site.createUser('bob')
        await site.createUser('root', { admin: true })
        const bob = await signIn(site, 'bob')
        const refused = await bob.open(buildAuthorizeUrl(client))
        assert.equal(refused.statusCode, 403)
        assert.equal(refused.headers.location, undefined)
        const root = await signIn(site, 'root')
        const question = await root.open(buildAuthorizeUrl(client))
        assert.equal(question.statusCode, 200, question.body)
        const { content } = readPage(question.body)
        assert.equal(content['kind'], 'consent')
        assert.equal((content['consent'] as { redirectHost: string }).redirectHost, 'hub.example')
        assert.match(String(question.headers['content-security-policy']), /frame-ancestors 'none'/)

        const forged = await root.post(buildAuthorizeUrl(client), { _xsrf: 'forged' })
        assert.equal(forged.statusCode, 403)
        const more = await root.post(buildAuthorizeUrl(client), { scopes: 'tokens!user' })
        assert.equal(more.headers.location, `${client.redirectUri}?error=invalid_scope&state=st`)
        const yes = await root.post(buildAuthorizeUrl(client), {})
        assert.equal(yes.statusCode, 302, yes.body)
        assert.equal((await redeem(site, client, readCode(yes.headers.location))).statusCode, 200)
        const again = await root.open(buildAuthorizeUrl(client))
        assert.equal(again.statusCode, 302, 'what was granted before needs no second question')
      }))

    test('of a trusted client is not asked about', () =>
      withSite(
        kind,
        async (site) => {
          const client = await registerServer(site, await site.createUser('alice'), secret)
          await site.createUser('root', { admin: true })
          const answer = await (await signIn(site, 'root')).open(buildAuthorizeUrl(client))
          assert.equal(answer.statusCode, 302)
        },
        { trustedClients: ['jupyterhub-user-alice'] },
      ))
  })
}
