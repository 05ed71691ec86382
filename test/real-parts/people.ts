import assert from 'node:assert/strict'

import type { CreatedLink } from '@atrium/contract/account.ts'
import type { HubUser } from '@atrium/contract/hub-models.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'

import type { Platform } from '../support/platform.ts'
import { type BrowserAnswer, HttpBrowser } from './http-browser.ts'

/** As much of a platform as people see. */
type Door = Pick<Platform, 'url' | 'api'>

const password = 'correct horse battery staple'

/** Makes an account and its password by a one-time link, as an administrator and the person would. */
export async function createPerson(platform: Door, name: string): Promise<void> {
  const created = await platform.api('POST', '/hub/api/users', { body: { usernames: [name] } })
  assert.equal(created.status, 201)
  const link = await platform.api<CreatedLink>('POST', `/api/v1/users/${name}/links`, {
    body: { purpose: 'set-password' },
  })
  assert.equal(link.status, 201)
  const secret = new URL(link.body.url).hash.replace('#token=', '')
  const browser = new HttpBrowser(platform.url)
  await browser.open('/hub/set-password')
  const used = await browser.call('/api/v1/links/use', {
    method: 'POST',
    body: JSON.stringify({ secret, password }),
    headers: { 'x-xsrftoken': browser.cookie('_xsrf', '/hub/') ?? '' },
  })
  assert.equal(used.status, 200, used.text)
}

/** A browser in which the person signed in by JupyterHub's form. */
export async function signIn(platform: Door, name: string): Promise<HttpBrowser> {
  const browser = new HttpBrowser(platform.url)
  await browser.open('/hub/login')
  const answer = await browser.postForm('/hub/login?next=%2Fhub%2Fhome', {
    username: name,
    password,
    _xsrf: browser.cookie('_xsrf', '/hub/login') ?? '',
  })
  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.url.pathname, '/hub/home')
  return browser
}

/** Starts the default server of a person and waits until it can be used. */
export async function startServer(platform: Door, name: string): Promise<void> {
  const started = await platform.api('POST', `/hub/api/users/${name}/server`)
  assert.ok(started.status === 201 || started.status === 202, JSON.stringify(started))
  await waitFor(
    `the server of ${name}`,
    async () => (await platform.api<HubUser>('GET', `/hub/api/users/${name}`)).body.servers?.['']?.ready,
    { deadlineMs: 60_000, everyMs: 50 },
  )
}

/** Follows a link that starts a server: straight to it, or over the page that waits for it, until `pathname` is reached. */
export async function openStarting(
  browser: HttpBrowser,
  link: string,
  pathname: string,
): Promise<BrowserAnswer> {
  let page = await browser.open(link)
  await waitFor(
    pathname,
    async () => {
      if (page.url.pathname === pathname) return true
      assert.match(page.url.pathname, /^\/hub\/spawn-pending\//, page.visited.join('\n'))
      page = await browser.open(page.url.pathname + page.url.search)
      return page.url.pathname === pathname
    },
    { deadlineMs: 60_000, everyMs: 100 },
  )
  return page
}
