import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { openPortalBuild } from '#http/portal/portal-build.ts'
import { readPage, TestBrowser } from '#http/testing/browser.ts'
import { type BrowserSite, password, registerServer, withSite } from '#http/testing/browser-site.ts'
import type { HubServerModel } from '#hub/server-model.ts'
import { findServer } from '#hub/server-records.ts'
import { createShareCodes } from '#hub/share-codes.ts'
import { testStoreKinds } from '#store/testing.ts'

const [kind] = testStoreKinds

async function signIn(site: BrowserSite, name: string): Promise<TestBrowser> {
  const browser = new TestBrowser(site.app)
  await browser.open('/hub/login')
  assert.equal((await browser.post('/hub/login', { username: name, password })).statusCode, 302)
  return browser
}

function withAlice(
  check: (site: BrowserSite, alice: TestBrowser) => Promise<void>,
  options = {},
): Promise<void> {
  assert.ok(kind)
  return withSite(
    kind,
    async (site) => {
      await site.createUser('alice')
      await check(site, await signIn(site, 'alice'))
    },
    options,
  )
}

function buildServer(user: string, change: Partial<HubServerModel>): HubServerModel {
  return {
    name: '',
    url: `/user/${user}/`,
    pending: null,
    ready: false,
    stopped: true,
    ...change,
  } as HubServerModel
}

describe('paths of JupyterHub', () => {
  const redirects: Record<string, string> = {
    '/': '/hub/',
    '/hub': '/hub/',
    '/hub/': '/hub/home',
    '/hub/?a=1&next=//evil.example&b=%26': '/hub/home?a=1&b=%26',
    '/nonsense?a=1': '/hub/nonsense?a=1',
    '/user/alice/lab?x=1': '/hub/user/alice/lab?x=1',
    '/user-redirect/git-pull?repo=https%3A%2F%2Fx%2Fy&b=1':
      '/hub/user-redirect/git-pull?repo=https%3A%2F%2Fx%2Fy&b=1',
    '/hub/user-redirect/lab': '/hub/spawn/alice?next=%2Fuser%2Falice%2Flab',
    '/hub/user-redirect/git-pull?repo=https%3A%2F%2Fx%2Fy&p=a%20b':
      '/hub/spawn/alice?next=%2Fuser%2Falice%2Fgit-pull%3Frepo%3Dhttps%253A%252F%252Fx%252Fy%26p%3Da%2520b',
  }
  for (const [path, location] of Object.entries(redirects)) {
    test(`${path} leads to ${location}`, () =>
      withAlice(async (_site, alice) => {
        const answer = await alice.open(path)
        assert.equal(answer.statusCode, path === '/hub' ? 301 : 302)
        assert.equal(answer.headers.location, location)
      }))
  }

  test('send who is not signed in to the sign-in page, which knows where they were going', () =>
    withAlice(async (site) => {
      const guest = new TestBrowser(site.app)
      for (const path of [
        '/hub/',
        '/hub/home?x=1',
        '/hub/spawn?next=/x',
        '/hub/user/alice/lab?y=1',
        '/hub/admin',
        '/hub/user-redirect/lab?a=b',
      ]) {
        assert.equal((await guest.open(path)).headers.location, `/hub/login?next=${encodeURIComponent(path)}`)
      }
    }))

  test('that do not exist are a page of the portal, or JSON below the API', () =>
    withAlice(async (_site, alice) => {
      const page = await alice.open('/hub/nonsense')
      assert.equal(page.statusCode, 404)
      assert.equal(readPage(page.body).content['status'], 404)
      assert.equal(readPage(page.body).user?.name, 'alice')
      const api = await alice.open('/hub/api/nonsense')
      assert.equal(api.statusCode, 404)
      assert.equal(api.json().status, 404)
    }))

  test('for administrators are closed to others', () =>
    withAlice(async (site, alice) => {
      assert.equal((await alice.open('/hub/admin')).statusCode, 403)
      assert.equal((await alice.open('/hub/admin/users/alice')).statusCode, 403)
      await site.createUser('root', { admin: true })
      assert.equal((await (await signIn(site, 'root')).open('/hub/admin/jobs')).statusCode, 200)
    }))
})

describe('a page', () => {
  test("is not for scripts, which would find the visitor's XSRF token in it", () =>
    withAlice(async (_site, alice) => {
      const answer = await alice.open('/hub/home', { headers: { 'sec-fetch-mode': 'cors' } })
      const page = readPage(answer.body)
      assert.equal(page.user, null)
      assert.equal(page['xsrfToken'], '')
      assert.ok(!answer.body.includes(alice.xsrf()))
    }))

  test('names its visitor, is kept nowhere, and stands in no frame', () =>
    withAlice(async (_site, alice) => {
      const answer = await alice.open('/hub/home')
      const page = readPage(answer.body)
      assert.equal(page.user?.name, 'alice')
      assert.equal(page['xsrfToken'], alice.xsrf())
      assert.equal(answer.headers['cache-control'], 'no-store')
      assert.match(String(answer.headers['content-security-policy']), /frame-ancestors 'none'/)
    }))
})

describe('starting a server by page', () => {
  test('starts at once where there is nothing to choose, and leads on', () =>
    withAlice(async (site, alice) => {
      const answer = await alice.open('/hub/spawn/alice?next=%2Fuser%2Falice%2Fgit-pull%3Frepo%3Dx')
      assert.equal(
        answer.headers.location,
        '/hub/spawn-pending/alice?next=%2Fuser%2Falice%2Fgit-pull%3Frepo%3Dx',
      )
      assert.equal(site.starts[0]?.owner.name, 'alice')
      assert.equal((await alice.open('/hub/spawn')).headers.location, '/hub/spawn-pending/alice')
    }))

  test('leads straight to the server when that is ready within a moment', () =>
    withAlice(
      async (_site, alice) => {
        assert.equal((await alice.open('/hub/spawn')).headers.location, '/user/alice/')
        const link = '/hub/spawn/alice?next=%2Fuser%2Falice%2Fgit-pull%3Frepo%3Dx'
        assert.equal((await alice.open(link)).headers.location, '/user/alice/git-pull?repo=x')
        assert.equal(
          (await alice.open('/hub/spawn/alice?next=%2F%2Fevil.example')).headers.location,
          '/user/alice/',
        )
        const named = await alice.post('/hub/spawn/alice/gpu', { profile: 'gpu' })
        assert.equal(named.headers.location, '/user/alice/gpu/')
      },
      { startOutcome: 'ready' },
    ))

  test('leads to the page that tells its cause when the start fails within that moment', () =>
    withAlice(
      async (_site, alice) => {
        assert.equal((await alice.open('/hub/spawn')).headers.location, '/hub/spawn-pending/alice')
      },
      { startOutcome: 'failed' },
    ))

  test('waits for a real visit: what a browser loads ahead, a script or a frame starts nothing and signs nobody out', () =>
    withAlice(async (site, alice) => {
      for (const headers of [
        { 'sec-purpose': 'prefetch;prerender' },
        { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' },
        { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' },
      ]) {
        assert.equal((await alice.open('/hub/spawn', { headers })).statusCode, 409)
        assert.equal((await alice.open('/hub/logout', { headers })).statusCode, 409)
      }
      assert.equal(site.starts.length, 0)
      assert.equal((await alice.open('/hub/home')).statusCode, 200)
    }))

  test('asks where there are several profiles', () =>
    withAlice(
      async (site, alice) => {
        assert.equal((await alice.open('/hub/spawn/alice?next=%2Fuser%2Falice%2Flab')).statusCode, 200)
        assert.equal(site.starts.length, 0)
      },
      { profiles: ['small', 'large'] },
    ))

  test('takes options from the query and from a form', () =>
    withAlice(async (site, alice) => {
      await alice.open('/hub/spawn?profile=large')
      await alice.open('/hub/spawn/alice/gpu?opt-profile=gpu&opt-size=1&other=1')
      const posted = await alice.post('/hub/spawn/alice?next=%2Fuser%2Falice%2Flab', { profile: 'small' })
      assert.equal(posted.headers.location, '/hub/spawn-pending/alice?next=%2Fuser%2Falice%2Flab')
      assert.deepEqual(
        site.starts.map(({ server, userOptions }) => [server, userOptions]),
        [
          ['', { profile: 'large' }],
          ['gpu', { profile: 'gpu', size: ['1'] }],
          ['', { profile: 'small' }],
        ],
      )
    }))

  test('leads on when it runs, and waits when it is starting', () =>
    withAlice(async (site, alice) => {
      site.servers.set('alice/', buildServer('alice', { ready: true, stopped: false }))
      assert.equal((await alice.open('/hub/spawn')).headers.location, '/user/alice/')
      assert.equal(
        (await alice.open('/hub/spawn/alice?next=%2Fuser%2Falice%2Flab')).headers.location,
        '/user/alice/lab',
      )
      assert.equal(
        (await alice.open('/hub/spawn-pending/alice?next=//evil.example')).headers.location,
        '/user/alice/',
      )
      site.servers.set('alice/', buildServer('alice', { pending: 'spawn', stopped: false }))
      assert.equal(
        (await alice.open('/hub/spawn?next=%2Fx')).headers.location,
        '/hub/spawn-pending/alice?next=%2Fx',
      )
      assert.equal((await alice.open('/hub/spawn-pending/alice')).statusCode, 200)
    }))

  test("is for one's own servers, or who may start others'", () =>
    withAlice(async (site, alice) => {
      await site.createUser('bob')
      assert.equal((await alice.open('/hub/spawn/bob')).statusCode, 404)
      assert.equal((await alice.open('/hub/spawn-pending/bob')).statusCode, 404)
      assert.equal((await alice.post('/hub/spawn/bob', {})).statusCode, 404)
      await site.createUser('root', { admin: true })
      assert.equal((await (await signIn(site, 'root')).open('/hub/spawn/bob')).statusCode, 302)
    }))
})

describe('the way to a server', () => {
  test('that does not run ends at a page that offers its start', () =>
    withAlice(async (_site, alice) => {
      const answer = await alice.open('/hub/user/alice/lab?path=a%20b')
      assert.equal(answer.statusCode, 424)
      const { content } = readPage(answer.body)
      assert.deepEqual(content['action'], {
        label: 'Start it',
        url: '/hub/spawn/alice?next=%2Fuser%2Falice%2Flab%3Fpath%3Da%2520b',
      })
    }))

  test('says so in JSON to programs', () =>
    withAlice(async (_site, alice) => {
      const byPath = await alice.open('/hub/user/alice/api/status')
      assert.equal(byPath.statusCode, 424)
      assert.match(
        byPath.json().message,
        /no longer running at \/user\/alice\/api\/status\. Restart .*\/hub\/spawn\/alice$/,
      )
      const byHeader = await alice.open('/hub/user/alice/x', { headers: { accept: 'application/json' } })
      assert.equal(byHeader.json().message.includes('/user/alice/x'), true)
      assert.equal((await alice.call('POST', '/hub/user/alice/api/kernels', {})).statusCode, 424)
    }))

  test('that is ready leads back to it, and breaks a loop', () =>
    withAlice(async (site, alice) => {
      site.servers.set('alice/', buildServer('alice', { ready: true, stopped: false }))
      const answer = await alice.open('/hub/user/alice/lab?a=%2F')
      assert.equal(answer.headers.location, '/user/alice/lab?a=%2F&redirects=1')
      assert.equal((await alice.open('/hub/user/alice/lab?redirects=4')).statusCode, 500)
    }))

  test('that is starting leads to the page that waits for it', () =>
    withAlice(async (site, alice) => {
      site.servers.set('alice/gpu', buildServer('alice', { name: 'gpu', pending: 'spawn', stopped: false }))
      const answer = await alice.open('/hub/user/alice/gpu/lab')
      assert.equal(answer.statusCode, 303)
      assert.equal(
        answer.headers.location,
        '/hub/spawn-pending/alice/gpu?next=%2Fhub%2Fuser%2Falice%2Fgpu%2Flab',
      )
    }))

  test('of somebody else does not exist for who has no access', () =>
    withAlice(async (site, alice) => {
      await site.createUser('bob')
      assert.equal((await alice.open('/hub/user/bob/lab')).statusCode, 404)
      assert.equal((await alice.open('/hub/user/nobody/lab')).statusCode, 404)
    }))
})

describe('a share code opened as a link', () => {
  async function withCode(
    check: (site: BrowserSite, alice: TestBrowser, code: string) => Promise<void>,
  ): Promise<void> {
    await withAlice(async (site, alice) => {
      const bob = await site.createUser('bob')
      await registerServer(site, bob, 'secret')
      const server = await findServer(site.store.db, { user: 'bob', server: '' })
      assert.ok(server)
      const options = { scopes: ['access:servers!server=bob/'], expiresInMs: 60_000 }
      const { code } = await createShareCodes(site).create(server, options, { name: 'user:bob' })
      await check(site, alice, code)
    })
  }

  test('shows what it offers, and gives it to who accepts', () =>
    withCode(async (_site, alice, code) => {
      const path = `/hub/accept-share?code=${code}`
      const page = await alice.open(path)
      assert.equal(page.statusCode, 200)
      assert.equal((readPage(page.body).content['share'] as { owner: string }).owner, 'bob')
      assert.equal((await alice.open('/hub/user/bob/lab')).statusCode, 404)
      assert.equal((await alice.post(path, { _xsrf: 'forged' })).statusCode, 403)
      assert.equal((await alice.post(path, {})).headers.location, '/user/bob/')
      assert.equal((await alice.open('/hub/user/bob/lab')).statusCode, 424)
    }))

  test("is refused when it is unknown, too old, missing or one's own", () =>
    withCode(async (site, alice, code) => {
      assert.equal((await alice.open('/hub/accept-share')).statusCode, 400)
      assert.equal((await alice.open('/hub/accept-share?code=none')).statusCode, 404)
      assert.equal((await (await signIn(site, 'bob')).open(`/hub/accept-share?code=${code}`)).statusCode, 403)
      site.clock.jump(61_000)
      assert.equal((await alice.open(`/hub/accept-share?code=${code}`)).statusCode, 404)
      assert.equal((await alice.post(`/hub/accept-share?code=${code}`, {})).statusCode, 400)
    }))
})

describe('files of the portal', () => {
  test('are served by name alone, whatever the path tries', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'atrium-portal-'))
    await mkdir(join(folder, 'dist', 'assets'), { recursive: true })
    await writeFile(join(folder, 'secret.txt'), 'secret')
    await writeFile(join(folder, 'dist', 'mark.svg'), '<svg/>')
    await writeFile(join(folder, 'dist', 'assets', 'a-1.js'), 'let a = 1')
    const build = await openPortalBuild(join(folder, 'dist'))
    await withAlice(
      async ({ app }) => {
        const script = await app.inject('/hub/static/assets/a-1.js')
        assert.equal(script.body, 'let a = 1')
        assert.match(String(script.headers['cache-control']), /immutable/)
        assert.equal(script.headers['content-type'], 'text/javascript; charset=utf-8')
        assert.equal((await app.inject('/hub/logo')).body, '<svg/>')
        assert.equal((await app.inject('/favicon.ico')).headers['content-type'], 'image/svg+xml')
        for (const path of [
          '../secret.txt',
          '..%2fsecret.txt',
          '%2e%2e/secret.txt',
          'assets/../../secret.txt',
          '/etc/passwd',
          'assets',
          '',
        ]) {
          assert.equal((await app.inject(`/hub/static/${path}`)).statusCode, 404, path)
        }
      },
      { build },
    )
    await rm(folder, { recursive: true })
  })
})
