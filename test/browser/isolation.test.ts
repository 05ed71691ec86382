import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'

import { waitFor } from '@atrium/server/platform/wait-for.ts'
import type { Page } from 'playwright-core'

import { type Platform, startPlatform } from '../support/platform.ts'
import { createUser } from './platform-journey.ts'
import { useChromium } from './portal-fixture.ts'

const chromium = useChromium()
let platform: Platform
/** Alice's JupyterLab. */
let page: Page

before(async () => {
  platform = await startPlatform()
  page = await createUser(platform, (await chromium.newPage()).context(), 'alice')
  for (const user of ['bob', 'alice']) {
    await platform.api('POST', `/hub/api/users/${user}`)
    await platform.api('POST', `/hub/api/users/${user}/server`)
    await waitFor(`the server of ${user}`, () => isReady(user), { deadlineMs: 60_000 })
  }
  // Her own server signs her in, and its page then asks on.
  await page.goto(`${platform.url}/user/alice/lab`)
  await page.waitForURL('**/user/alice/lab**')
})

after(async () => {
  await platform.dispose()
})

async function isReady(user: string): Promise<boolean> {
  const { body } = await platform.api<{ servers: Record<string, { ready: boolean }> }>(
    'GET',
    `/hub/api/users/${user}`,
  )
  return body.servers['']?.ready ?? false
}

/** What alice's own page gets, with all her cookies and the anti-forgery token of her server. */
function fetchStatus(path: string, headers: Record<string, string> = {}): Promise<number> {
  return page.evaluate(
    async ([url, given]) => {
      const xsrf = /(?:^|; )_xsrf=([^;]+)/.exec(document.cookie)?.[1] ?? ''
      const answer = await fetch(url, { headers: { 'x-xsrftoken': xsrf, ...given }, redirect: 'manual' })
      return answer.status
    },
    [platform.url + path, headers] as const,
  )
}

/** Opens a websocket from alice's page; answers whether it was accepted. */
function opensWebsocket(path: string, token?: string): Promise<boolean> {
  const url = new URL(path, platform.url.replace('http', 'ws'))
  if (token) url.searchParams.set('token', token)
  return page.evaluate(
    (address) =>
      new Promise<boolean>((resolve) => {
        const socket = new WebSocket(address)
        socket.onopen = () => resolve(true)
        socket.onerror = () => resolve(false)
        socket.onclose = () => resolve(false)
      }),
    url.href,
  )
}

async function createToken(scopes: readonly string[]): Promise<string> {
  const { body } = await platform.api<{ token: string }>('POST', '/hub/api/users/alice/tokens', {
    body: { note: 'test', scopes },
  })
  return body.token
}

/** What a script gets from her server. */
async function askWith(token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}` }
  const { status } = await fetch(`${platform.url}/user/alice/api/status`, { headers, redirect: 'manual' })
  return status
}

describe("alice and bob's server", () => {
  test('her own server answers her, so that the refusals below mean something', async () => {
    assert.equal(await fetchStatus('/user/alice/api/status'), 200)
    assert.equal(await opensWebsocket('/user/alice/api/events/subscribe'), true)
  })

  test('not by its address: she sees a page that says so', async () => {
    const other = await page.context().newPage()
    const answer = await other.goto(`${platform.url}/user/bob/lab`)
    assert.equal(answer?.status(), 403)
    await other.getByRole('heading', { name: 'Not shared with you' }).waitFor()
  })

  test('not by its API', async () => {
    assert.notEqual(await fetchStatus('/user/bob/api/contents'), 200)
    assert.notEqual(await fetchStatus('/user/bob/api/status'), 200)
  })

  test('not by a websocket', async () => {
    assert.equal(await opensWebsocket('/user/bob/api/events/subscribe'), false)
  })

  test('not by a path that only looks like her own', async () => {
    for (const path of [
      '/user/alice/../bob/api/status',
      '/user/alice%2f..%2fbob/api/status',
      '/user/BOB/api/status',
    ]) {
      assert.notEqual(await fetchStatus(path), 200, path)
    }
  })

  test('not by a token of hers, whatever it may do', async () => {
    const token = await createToken(['inherit'])
    const authorization = `Bearer ${token}`
    assert.notEqual(await fetchStatus('/user/bob/api/status', { authorization }), 200)
    assert.equal(await opensWebsocket('/user/bob/api/events/subscribe', token), false)
  })

  test('and a token of another scope opens not even her own', async () => {
    const right = await createToken(['access:servers!user=alice'])
    await waitFor('a token of the right scope to open it', async () => (await askWith(right)) === 200)
    assert.equal(await askWith(await createToken(['read:users!user=alice'])), 403)
  })

  test('a share lets her in after she agreed, and out again when it is taken back', async () => {
    await platform.api('POST', '/hub/api/shares/bob/', { body: { user: 'alice' } })
    const other = await page.context().newPage()
    await other.goto(`${platform.url}/user/bob/lab`)
    await other.getByRole('heading', { name: /^Allow / }).waitFor()
    await other.getByRole('button', { name: 'Allow', exact: true }).click()
    await other.waitForURL('**/user/bob/lab**')
    assert.equal(await opensWebsocket('/user/bob/api/events/subscribe'), true)
    await platform.api('PATCH', '/hub/api/shares/bob/', { body: { user: 'alice' } })
    await waitFor('the share to end', async () => (await fetchStatus('/user/bob/api/status')) === 403)
    assert.equal(await opensWebsocket('/user/bob/api/events/subscribe'), false)
  })
})
