import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { waitFor } from '@atrium/server/platform/wait-for.ts'
import type { Page } from 'playwright-core'

import { type Platform, startPlatform } from '../support/platform.ts'
import { findServerModel, requestServer, waitUntilReady } from '../support/servers.ts'
import { createUser } from './platform-journey.ts'
import { useChromium } from './portal-fixture.ts'

const chromium = useChromium()
let platform: Platform
/** A page of alice's server that bob, with whom it is shared, has opened. What runs in it is alice's code with bob's cookies. */
let page: Page

before(async () => {
  // As an argument: users' jobs need not be able to read this checkout.
  const program = readFileSync(join(import.meta.dirname, 'hostile-server.py'), 'utf8')
  const command = ['/usr/bin/python3', '-I', '-S', '-c', program]
  platform = await startPlatform({ config: JSON.stringify({ servers: { command, idle: { stop: false } } }) })
  page = await createUser(platform, (await chromium.newPage()).context(), 'bob')
  await requestServer(platform, 'alice')
  await waitUntilReady(platform, 'alice')
  await platform.api('POST', '/hub/api/shares/alice/', { body: { user: 'bob' } })
  await waitFor('the share to reach the edge', async () => {
    await page.goto(`${platform.url}/user/alice/`)
    return (await page.title()) === 'hostile'
  })
})

after(async () => {
  await platform.dispose()
})

/** What the portal's page holds for its own scripts, the visitor's XSRF token among it. */
const pageData = 'atrium-page'

describe('a page of another user’s server', () => {
  test('runs with the visitor’s session, so that the refusals below mean something', async () => {
    assert.equal(await page.evaluate(async () => (await fetch('/user/alice/x')).status), 200)
    const data = await page.context().newPage()
    await data.goto(`${platform.url}/hub/home`)
    const text = await data.locator(`#${pageData}`).textContent()
    assert.match(JSON.parse(text ?? '{}').xsrfToken, /^[\w-]{20,}$/)
    await data.close()
  })

  test('reads no cookie of the platform, not by a frame under another path either', async () => {
    // The edge refuses this address with a page of its own, which may stand in a frame.
    const cookies = await page.evaluate(async () => {
      const frame = document.body.appendChild(document.createElement('iframe'))
      const loaded = new Promise((resolve) => frame.addEventListener('load', resolve))
      frame.src = '/hub/%00'
      await loaded
      return [document.cookie, frame.contentDocument?.cookie]
    })
    assert.deepEqual(cookies, ['', ''])
  })

  test('gets no page that holds the visitor’s proof, however it fetches', async () => {
    const pages = await page.evaluate(() =>
      Promise.all(
        (['cors', 'no-cors', 'same-origin'] as const).map(async (mode) =>
          (await fetch('/hub/home', { mode })).text(),
        ),
      ),
    )
    for (const text of pages) assert.match(text, /"xsrfToken":""/)
  })

  test('reads nothing of the API and changes nothing', async () => {
    const statuses = await page.evaluate(async () => {
      const ask = async (path: string, options: RequestInit) => (await fetch(path, options)).status
      return [
        await ask('/hub/api/user', {}),
        await ask('/hub/api/user', { mode: 'no-cors' }),
        await ask('/api/v1/servers/bob', { mode: 'no-cors' }),
        await ask('/hub/api/users/bob/tokens', { method: 'POST' }),
        await ask('/hub/api/users/bob/tokens', { method: 'POST', mode: 'no-cors', body: '{}' }),
        await ask('/hub/spawn/bob', { method: 'POST', body: new URLSearchParams({ profile: 'default' }) }),
      ]
    })
    assert.deepEqual(statuses, [403, 403, 403, 403, 403, 403])
  })

  test('visits nothing in the visitor’s name', async () => {
    const statuses = await page.evaluate(async () => [
      (await fetch('/hub/spawn/bob?opt-profile=default')).status,
      (await fetch('/hub/logout')).status,
    ])
    assert.deepEqual(statuses, [409, 409])
    assert.equal(await findServerModel(platform, 'bob'), undefined)
  })

  test('sees into no window and no frame of the platform', async () => {
    const [popup] = await Promise.all([
      page.waitForEvent('popup'),
      page.evaluate(() => {
        Object.assign(window, { opened: window.open('/hub/home') })
      }),
    ])
    await popup.getByRole('heading', { name: 'Home', exact: true }).waitFor()
    const seen = await page.evaluate(async (id) => {
      const frame = document.body.appendChild(document.createElement('iframe'))
      const loaded = new Promise((resolve) => frame.addEventListener('load', resolve))
      frame.src = '/hub/home'
      await loaded
      return [window['opened' as never] as Window, frame.contentWindow].map((other) => {
        try {
          return other?.document.getElementById(id)?.textContent ?? ''
        } catch {
          return ''
        }
      })
    }, pageData)
    assert.deepEqual(seen, ['', ''])
    await popup.close()
  })

  test('gets a worker for its own paths, and none for others', async () => {
    const register = (scope: string) =>
      page.evaluate(
        (wanted) =>
          navigator.serviceWorker.register('/user/alice/worker.js', { scope: wanted }).then(
            () => 'registered',
            () => 'refused',
          ),
        scope,
      )
    assert.equal(await register('/'), 'refused')
    assert.equal(await register('/hub/'), 'refused')
    assert.equal(await register('/user/bob/'), 'refused')
    assert.equal(await register('/user/alice/'), 'registered')
  })
})
