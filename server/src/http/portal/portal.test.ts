import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import type { PortalPage } from '@atrium/contract/portal-page.ts'

import { openPortalBuild } from './portal-build.ts'
import { buildContentSecurityPolicy, createPortalRenderer } from './portal-html.ts'
import { buildStaticReply } from './static-reply.ts'

const page: PortalPage = {
  version: '0',
  platformName: '</script><script>alert(1)</script><!-- $& $1',
  xsrfToken: 'x',
  user: null,
  signIn: { password: true, providers: [] },
  content: { kind: 'portal' },
}

describe('the portal page', () => {
  const html = createPortalRenderer(
    '<html><head><script type="module" src="/hub/static/assets/a.js"></script>' +
      '<link rel="stylesheet" href="/hub/static/assets/a.css"><script type="application/json" id="atrium-page"></script></head><body></body></html>',
  )(page, { nonce: 'n0nce' })

  test('gives its nonce to every script and style sheet', () => {
    assert.match(html, /<script nonce="n0nce" type="module"/)
    assert.match(html, /<link nonce="n0nce" rel="stylesheet"/)
    assert.match(html, /<meta property="csp-nonce" nonce="n0nce">/)
  })

  test('holds its data as JSON that cannot leave the script element', () => {
    const json = / id="atrium-page">(.*?)<\/script>/s.exec(html)?.[1] ?? ''
    assert.deepEqual(JSON.parse(json), page)
    assert.ok(!json.includes('<'))
  })

  test('says what to do while it is not built, and holds its data even so', () => {
    const unbuilt = createPortalRenderer(undefined)(page, { nonce: 'n' })
    assert.match(unbuilt, /not built/)
    assert.match(unbuilt, /id="atrium-page"/)
  })

  test('lets no script run but its own, no frame hold it, and forms go only where they may', () => {
    const policy = buildContentSecurityPolicy({ nonce: 'n' })
    assert.match(policy, /script-src 'nonce-n';/)
    assert.match(policy, /frame-ancestors 'none'/)
    assert.match(policy, /form-action 'self';/)
    const consent = buildContentSecurityPolicy({ nonce: 'n', formTarget: 'https://app.example' })
    assert.match(consent, /form-action 'self' https:\/\/app\.example;/)
  })
})

describe('the files of the build', () => {
  async function withBuild(check: (folder: string) => Promise<void>) {
    const folder = await mkdtemp(join(tmpdir(), 'atrium-portal-'))
    try {
      await mkdir(join(folder, 'assets'))
      await writeFile(join(folder, 'index.html'), '<html><head></head></html>')
      await writeFile(join(folder, 'logo.svg'), '<svg/>')
      await writeFile(join(folder, 'assets', 'app-1a2b.js'), 'let long = 1')
      await writeFile(join(folder, 'assets', 'app-1a2b.js.br'), 'br')
      await writeFile(join(folder, 'assets', 'app-1a2b.js.gz'), 'gzip')
      await check(folder)
    } finally {
      await rm(folder, { recursive: true })
    }
  }

  test('are found by their names, without the index and the compressed forms', async () => {
    await withBuild(async (folder) => {
      const build = await openPortalBuild(folder)
      assert.deepEqual([...build.files.keys()].sort(), ['assets/app-1a2b.js', 'logo.svg'])
      assert.equal(build.indexHtml, '<html><head></head></html>')
    })
  })

  test('are none where nothing was built', async () => {
    const build = await openPortalBuild(join(tmpdir(), 'atrium-no-such-folder'))
    assert.equal(build.indexHtml, undefined)
    assert.equal(build.files.size, 0)
  })

  test('are sent in the best form the client takes, for ever where their name is a hash', async () => {
    await withBuild(async (folder) => {
      const { files } = await openPortalBuild(folder)
      const script = files.get('assets/app-1a2b.js')
      const logo = files.get('logo.svg')
      assert.ok(script && logo)
      const best = buildStaticReply(script, { acceptEncoding: 'gzip, deflate, br' })
      assert.equal(best.headers['content-encoding'], 'br')
      assert.equal(best.headers['content-length'], 2)
      assert.match(String(best.headers['cache-control']), /immutable/)
      const gzip = buildStaticReply(script, { acceptEncoding: 'gzip, br;q=0' })
      assert.equal(gzip.headers['content-encoding'], 'gzip')
      const plain = buildStaticReply(script, {})
      assert.equal(plain.headers['content-encoding'], undefined)
      assert.equal(plain.headers['content-length'], 12)
      assert.doesNotMatch(String(buildStaticReply(logo, {}).headers['cache-control']), /immutable/)
    })
  })

  test('are not sent again to a client that has them in the same form', async () => {
    await withBuild(async (folder) => {
      const script = (await openPortalBuild(folder)).files.get('assets/app-1a2b.js')
      assert.ok(script)
      const etag = String(buildStaticReply(script, { acceptEncoding: 'br' }).headers['etag'])
      const again = buildStaticReply(script, { acceptEncoding: 'br', ifNoneMatch: `W/"x", W/${etag}` })
      assert.equal(again.status, 304)
      assert.equal(again.bodyPath, undefined)
      assert.equal(buildStaticReply(script, { ifNoneMatch: etag }).status, 200)
    })
  })
})
