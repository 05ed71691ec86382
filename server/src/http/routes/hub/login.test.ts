import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { readPage, TestBrowser } from '#http/testing/browser.ts'
import { type BrowserSite, openBrowserSite, password, withSite } from '#http/testing/browser-site.ts'
import { systemActor } from '#observe/audit.ts'
import { testStoreKinds } from '#store/testing.ts'

const sessionCookie = 'atrium-session'

async function signIn(site: BrowserSite, name: string): Promise<TestBrowser> {
  const browser = new TestBrowser(site.app)
  await browser.open('/hub/login')
  const answer = await browser.post('/hub/login', { username: name, password })
  assert.equal(answer.statusCode, 302, answer.body)
  return browser
}

for (const kind of testStoreKinds) {
  describe(`signing in and out (${kind.kind})`, () => {
    test('by the form leads to `next` and makes a session that pages know', async () => {
      await withSite(kind, async (site) => {
        await site.createUser('alice')
        const browser = new TestBrowser(site.app)
        const form = await browser.open('/hub/login?next=%2Fhub%2Ftoken')
        assert.equal(form.statusCode, 200)
        assert.equal(readPage(form.body).user, null)
        const answer = await browser.post('/hub/login?next=%2Fhub%2Ftoken', { username: ' Alice ', password })
        assert.equal(answer.statusCode, 302)
        assert.equal(answer.headers.location, '/hub/token')
        const home = await browser.open('/hub/home')
        assert.equal(readPage(home.body).user?.name, 'alice')
        assert.equal((await browser.open('/hub/login')).headers.location, '/hub/home')
      })
    })

    test('keeps the session from scripts and other sites, and on https from everything but https', async () => {
      await withSite(kind, async (site) => {
        await site.createUser('alice')
        const browser = await signIn(site, 'alice')
        const line = browser.cookies.get(sessionCookie)?.line ?? ''
        assert.match(line, /; Path=\/; SameSite=Lax; Max-Age=\d+; HttpOnly$/)
        assert.match(browser.cookies.get('jupyterhub-session-id')?.line ?? '', /Path=\/;.*HttpOnly/)
      })
      await withSite(
        kind,
        async (site) => {
          await site.createUser('alice')
          const browser = await signIn(site, 'alice')
          assert.match(browser.cookies.get(`__Host-${sessionCookie}`)?.line ?? '', /; Path=\/;.*; Secure$/)
          assert.equal(browser.cookies.has(sessionCookie), false)
        },
        { secure: true },
      )
    })

    test('answers wrong passwords and unknown names alike, with the form again, and pauses in the end', async () => {
      await withSite(kind, async (site) => {
        await site.createUser('alice')
        const browser = new TestBrowser(site.app)
        await browser.open('/hub/login')
        const answers = []
        for (const username of ['alice', 'nobody']) {
          const answer = await browser.post('/hub/login', { username, password: 'wrong' })
          assert.equal(answer.statusCode, 403)
          answers.push(readPage(answer.body)['signIn'])
        }
        assert.deepEqual(answers[0], answers[1])
        assert.equal((answers[0] as { failure: string }).failure, 'Invalid username or password')
        for (let tries = 0; tries < 6; tries += 1)
          await browser.post('/hub/login', { username: 'alice', password: 'wrong' })
        const paused = await browser.post('/hub/login', { username: 'alice', password })
        assert.equal(paused.statusCode, 429)
        assert.equal(browser.cookies.has(sessionCookie), false)
      })
    })

    test('needs the XSRF token of this browser, and a page of this site', async () => {
      await withSite(kind, async (site) => {
        await site.createUser('alice')
        const browser = new TestBrowser(site.app)
        await browser.open('/hub/login')
        const forms: [Record<string, string>, Record<string, string>][] = [
          [{ _xsrf: '' }, {}],
          [{ _xsrf: 'made-up' }, {}],
          [{}, { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
        ]
        for (const [fields, headers] of forms) {
          const answer = await browser.post(
            '/hub/login',
            { username: 'alice', password, ...fields },
            { headers },
          )
          assert.equal(answer.statusCode, 403, JSON.stringify([fields, headers]))
        }
        assert.equal(browser.cookies.has(sessionCookie), false)
      })
    })

    test('leads nowhere outside', async () => {
      await withSite(kind, async (site) => {
        await site.createUser('alice')
        for (const next of [
          '//evil.example',
          'https://evil.example/',
          '/\\evil.example',
          '/%09/evil.example',
        ]) {
          const browser = new TestBrowser(site.app)
          await browser.open('/hub/login')
          const path = `/hub/login?next=${encodeURIComponent(next)}`
          const answer = await browser.post(path, { username: 'alice', password })
          assert.equal(answer.headers.location, '/hub/home', next)
          assert.equal((await browser.open(path)).headers.location, '/hub/home', next)
        }
      })
    })

    test('makes a session of its own, whatever the browser brought', async () => {
      await withSite(kind, async (site) => {
        await site.createUser('alice')
        await site.createUser('mallory')
        const browser = await signIn(site, 'mallory')
        const planted = browser.cookies.get(sessionCookie)
        const answer = await browser.post('/hub/login', { username: 'alice', password })
        assert.equal(answer.statusCode, 302, answer.body)
        assert.notEqual(browser.cookies.get(sessionCookie)?.value, planted?.value)
        const attacker = new TestBrowser(site.app)
        if (planted !== undefined) attacker.cookies.set(sessionCookie, planted)
        assert.equal((await attacker.open('/hub/home')).statusCode, 302)
      })
    })

    test('out ends the session on every replica, and the tokens that were given to it', async () => {
      await withSite(kind, async (site, storeSite) => {
        const alice = await site.createUser('alice')
        const other = await openBrowserSite({ site: storeSite, clock: site.clock })
        try {
          const browser = await signIn(site, 'alice')
          const kept = new Map(browser.cookies)
          const sessionId = browser.cookies.get('jupyterhub-session-id')?.value ?? ''
          const owner = { kind: 'user', id: alice.id, name: 'alice' } as const
          const issue = (forSession: string | null) =>
            site.store.transaction((tx) =>
              site.identity.tokens.issue(tx, { owner, scopes: ['inherit'], note: '', sessionId: forSession }),
            )
          const [ofSession, ofNone] = [await issue(sessionId), await issue(null)]
          const answer = await browser.open('/hub/logout')
          assert.equal(answer.headers.location, '/hub/login')
          assert.deepEqual([...browser.cookies.keys()], [])
          assert.equal(await site.identity.principals.findByToken(ofSession.secret), undefined)
          assert.notEqual(await site.identity.principals.findByToken(ofNone.secret), undefined)
          for (const replica of [site, other]) {
            const thief = new TestBrowser(replica.app)
            for (const [name, cookie] of kept) thief.cookies.set(name, cookie)
            assert.equal((await thief.open('/hub/home')).headers.location, '/hub/login?next=%2Fhub%2Fhome')
          }
        } finally {
          await other.close()
        }
      })
    })

    test('works for scripts of the portal', async () => {
      await withSite(kind, async (site) => {
        await site.createUser('alice')
        const browser = new TestBrowser(site.app)
        await browser.open('/hub/login')
        const refused = await browser.call('POST', '/api/v1/session', {
          username: 'alice',
          password: 'wrong',
        })
        assert.equal(refused.statusCode, 403)
        assert.equal(refused.json().code, 'wrong_password')
        const answer = await browser.call('POST', '/api/v1/session', {
          username: 'alice',
          password,
          next: '/hub/token',
        })
        assert.deepEqual(answer.json(), { redirect: '/hub/token' })
        await browser.open('/hub/home')
        const out = await browser.call('DELETE', '/api/v1/session')
        assert.deepEqual(out.json(), { redirect: '/hub/login' })
        assert.equal((await browser.open('/hub/home')).statusCode, 302)
      })
    })

    test('lasts as long as it is used', async () => {
      await withSite(kind, async (site) => {
        await site.createUser('alice')
        const browser = await signIn(site, 'alice')
        for (let visit = 0; visit < 4; visit += 1) {
          site.clock.jump(10 * 86_400_000)
          assert.equal((await browser.open('/hub/home')).statusCode, 200, `visit ${visit}`)
          assert.match(browser.cookies.get(sessionCookie)?.line ?? '', /Max-Age=1209600;/)
          await site.identity.activity.flush()
          await site.identity.removeExpired()
        }
      })
    })

    test('ends by itself after the time without a visit', async () => {
      await withSite(kind, async (site) => {
        await site.createUser('alice')
        const browser = await signIn(site, 'alice')
        site.clock.jump(365 * 86_400_000)
        assert.equal((await browser.open('/hub/home')).statusCode, 302)
      })
    })
  })

  describe(`one-time links (${kind.kind})`, () => {
    test('sign in once, of two at the same time one, and set the password that comes along', async () => {
      await withSite(kind, async (site) => {
        const [user] = await site.identity.users.create([{ name: 'alice' }], systemActor)
        assert.ok(user)
        const { secret } = await site.identity.links.createFor('sign-in', user, systemActor)
        const browsers = [new TestBrowser(site.app), new TestBrowser(site.app)]
        for (const browser of browsers) {
          const page = await browser.open('/hub/first-visit')
          assert.equal(page.statusCode, 200)
          const seen = await browser.call('POST', '/api/v1/links/inspect', { secret })
          assert.equal(seen.json().purpose, 'sign-in')
          assert.equal(seen.json().user, 'alice')
        }
        const input = { secret, password: 'a password of her own' }
        const answers = await Promise.all(
          browsers.map((browser) => browser.call('POST', '/api/v1/links/use', input)),
        )
        assert.deepEqual(answers.map(({ statusCode }) => statusCode).sort(), [200, 410])
        const winner = browsers[answers.findIndex(({ statusCode }) => statusCode === 200)]
        assert.equal((await winner?.open('/hub/home'))?.statusCode, 200)
        await site.identity.passwords.signIn('alice', input.password, '')
        const spent = await browsers[0]?.call('POST', '/api/v1/links/inspect', { secret })
        assert.equal(spent?.statusCode, 410)
      })
    })

    test('are made by administrators, for a reset that ends what the old password opened', async () => {
      await withSite(kind, async (site) => {
        await site.createUser('root', { admin: true })
        await site.createUser('alice')
        const [admin, alice] = [await signIn(site, 'root'), await signIn(site, 'alice')]
        await alice.open('/hub/home')
        await admin.open('/hub/home')
        const refused = await alice.call('POST', '/api/v1/users/root/links', { purpose: 'set-password' })
        assert.equal(refused.statusCode, 403)
        const made = await admin.call('POST', '/api/v1/users/alice/links', { purpose: 'set-password' })
        assert.equal(made.statusCode, 201, made.body)
        const url = new URL(made.json().url)
        assert.equal(url.pathname, '/hub/set-password')
        assert.equal(url.search, '')
        const secret = url.hash.replace('#token=', '')
        const guest = new TestBrowser(site.app)
        await guest.open('/hub/set-password')
        const short = await guest.call('POST', '/api/v1/links/use', { secret, password: 'short' })
        assert.equal(short.statusCode, 400)
        const used = await guest.call('POST', '/api/v1/links/use', { secret, password: 'a new password' })
        assert.deepEqual(used.json(), { redirect: '/hub/home' })
        assert.equal((await alice.open('/hub/home')).statusCode, 302)
      })
    })

    test('are of no use without the XSRF token of the browser', async () => {
      await withSite(kind, async (site) => {
        const user = await site.createUser('alice')
        const { secret } = await site.identity.links.createFor('sign-in', user, systemActor)
        const answer = await site.app.inject({
          method: 'POST',
          url: '/api/v1/links/use',
          payload: { secret },
        })
        assert.equal(answer.statusCode, 403)
        assert.notEqual(await site.identity.links.inspect(secret), undefined)
      })
    })
  })

  describe(`invitations (${kind.kind})`, () => {
    test('make an account in the groups they name, and are gone then', async () => {
      await withSite(kind, async (site) => {
        await site.createUser('root', { admin: true })
        await site.identity.groups.create([{ name: 'physics', users: [] }], systemActor)
        const admin = await signIn(site, 'root')
        await admin.open('/hub/home')
        const made = await admin.call('POST', '/api/v1/invitations', { groups: ['physics'] })
        assert.equal(made.statusCode, 201, made.body)
        const listed = await admin.call('GET', '/api/v1/invitations')
        assert.deepEqual(
          listed.json().map(({ groups }: { groups: string[] }) => groups),
          [['physics']],
        )
        const secret = new URL(made.json().url).hash.replace('#token=', '')
        const guest = new TestBrowser(site.app)
        await guest.open('/hub/invitation')
        const input = { secret, username: 'dora', password: 'a password of her own' }
        const used = await guest.call('POST', '/api/v1/links/use', input)
        assert.equal(used.statusCode, 200, used.body)
        const page = readPage((await guest.open('/hub/home')).body)
        assert.deepEqual((page.user as unknown as { groups: string[] }).groups, ['physics'])
        assert.deepEqual((await admin.call('GET', '/api/v1/invitations')).json(), [])
        assert.equal((await guest.call('POST', '/api/v1/links/use', input)).statusCode, 410)
      })
    })

    test('expire, and can be taken back', async () => {
      await withSite(kind, async (site) => {
        await site.createUser('root', { admin: true })
        const admin = await signIn(site, 'root')
        await admin.open('/hub/home')
        const first = (await admin.call('POST', '/api/v1/invitations', { expiresInMs: 60_000 })).json()
        const second = (await admin.call('POST', '/api/v1/invitations', {})).json()
        site.clock.jump(61_000)
        const open = (await admin.call('GET', '/api/v1/invitations')).json() as { id: string }[]
        assert.deepEqual(
          open.map(({ id }) => id),
          [second.id],
        )
        assert.notEqual(first.id, second.id)
        assert.equal((await admin.call('DELETE', `/api/v1/invitations/${second.id}`)).statusCode, 204)
        assert.deepEqual((await admin.call('GET', '/api/v1/invitations')).json(), [])
      })
    })

    test('are not made by users', async () => {
      await withSite(kind, async (site) => {
        await site.createUser('alice')
        const alice = await signIn(site, 'alice')
        await alice.open('/hub/home')
        assert.equal((await alice.call('POST', '/api/v1/invitations', { admin: true })).statusCode, 403)
      })
    })
  })

  describe(`the own account (${kind.kind})`, () => {
    test('changes its password only with the present one, and signs the other browsers out', async () => {
      await withSite(kind, async (site) => {
        await site.createUser('alice')
        const [here, there] = [await signIn(site, 'alice'), await signIn(site, 'alice')]
        await here.open('/hub/home')
        const wrong = { currentPassword: 'wrong', newPassword: 'a better password' }
        assert.equal((await here.call('POST', '/api/v1/account/password', wrong)).statusCode, 403)
        const missing = { newPassword: 'a better password' }
        assert.equal((await here.call('POST', '/api/v1/account/password', missing)).statusCode, 403)
        const right = { currentPassword: password, newPassword: 'a better password' }
        assert.equal((await here.call('POST', '/api/v1/account/password', right)).statusCode, 204)
        assert.equal((await here.open('/hub/home')).statusCode, 200)
        assert.equal((await there.open('/hub/home')).statusCode, 302)
        await site.identity.passwords.signIn('alice', 'a better password', '')
      })
    })

    test("shows its browsers and signs out the one that is named, never another user's", async () => {
      await withSite(kind, async (site) => {
        await site.createUser('alice')
        await site.createUser('bob')
        const [here, there, bob] = [
          await signIn(site, 'alice'),
          await signIn(site, 'alice'),
          await signIn(site, 'bob'),
        ]
        await here.open('/hub/home')
        await bob.open('/hub/home')
        const sessions = (await here.call('GET', '/api/v1/account/sessions')).json() as {
          id: string
          current: boolean
        }[]
        assert.equal(sessions.length, 2)
        const other = sessions.find(({ current }) => !current)
        await bob.call('DELETE', `/api/v1/account/sessions/${other?.id}`)
        assert.equal((await there.open('/hub/home')).statusCode, 200)
        assert.equal((await here.call('DELETE', `/api/v1/account/sessions/${other?.id}`)).statusCode, 204)
        assert.equal((await there.open('/hub/home')).statusCode, 302)
        assert.equal((await here.open('/hub/home')).statusCode, 200)
      })
    })

    test('is closed to tokens', async () => {
      await withSite(kind, async (site) => {
        const { id } = await site.createUser('alice')
        const owner = { kind: 'user', id, name: 'alice' } as const
        const { secret } = await site.identity.tokens.create(
          { owner, scopes: ['inherit'], note: '' },
          systemActor,
        )
        const answer = await site.app.inject({
          url: '/api/v1/account/sessions',
          headers: { authorization: `token ${secret}` },
        })
        assert.equal(answer.statusCode, 403)
      })
    })
  })
}
