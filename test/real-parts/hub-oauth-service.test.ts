import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { findFreePort } from '../support/free-port.ts'
import { type Platform, startPlatform } from '../support/platform.ts'
import { ensureTestEnvironment } from '../support/python-environment.ts'
import { createPerson, signIn } from './people.ts'

const token = 'a-token-of-the-service-0123456789abcdef'
const prefix = '/services/whoami/'

describe('an unmodified HubOAuth service', () => {
  let folder: string
  let platform: Platform
  let service: ChildProcess

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'atrium-service-'))
    await writeFile(join(folder, 'token'), token, { mode: 0o600 })
    const url = `http://127.0.0.1:${await findFreePort()}`
    platform = await startPlatform({
      config: JSON.stringify({
        services: [
          {
            name: 'whoami',
            url,
            apiTokenFile: join(folder, 'token'),
            oauthClientAllowedScopes: ['read:users:activity!user'],
          },
        ],
        roles: [{ name: 'user', scopes: ['self', 'access:services!service=whoami'] }],
      }),
    })
    const environment = await ensureTestEnvironment()
    service = spawn(
      join(environment, 'bin', 'python'),
      [join(import.meta.dirname, 'parts', 'whoami_service.py')],
      {
        stdio: ['ignore', 'ignore', 'inherit'],
        env: {
          PATH: process.env['PATH'],
          JUPYTERHUB_API_TOKEN: token,
          JUPYTERHUB_API_URL: `${platform.url}/hub/api`,
          JUPYTERHUB_BASE_URL: '/',
          JUPYTERHUB_CLIENT_ID: 'service-whoami',
          JUPYTERHUB_OAUTH_ACCESS_SCOPES: '["access:services!service=whoami","access:services"]',
          JUPYTERHUB_SERVICE_NAME: 'whoami',
          JUPYTERHUB_SERVICE_PREFIX: prefix,
          JUPYTERHUB_SERVICE_URL: `${url}${prefix}`,
        },
      },
    )
    await waitFor('the service to listen', () =>
      fetch(`${url}${prefix}oauth_callback`).then(
        () => true,
        () => false,
      ),
    )
    await createPerson(platform, 'alice')
  })
  after(async () => {
    service?.kill('SIGKILL')
    await platform?.dispose()
    await rm(folder, { recursive: true })
  })

  test('asks for consent once, learns who visits, and nothing more than was granted', async () => {
    const alice = await signIn(platform, 'alice')
    const question = await alice.open(prefix)
    assert.equal(question.status, 200, question.text)
    assert.equal(question.url.pathname, '/hub/api/oauth2/authorize')
    const { content } = readPageData(question.text)
    assert.equal(content.kind, 'consent')
    assert.deepEqual(
      content.consent.scopes.map(({ scope }) => scope),
      ['read:users:activity!user'],
    )

    const answered = await alice.postForm(question.url.pathname + question.url.search, {
      scopes: 'read:users:activity!user',
      _xsrf: alice.cookie('_xsrf', '/hub/') ?? '',
    })
    assert.equal(answered.status, 200, answered.text)
    assert.equal(answered.url.pathname, prefix)
    const user = JSON.parse(answered.text) as { name: string; scopes: string[] }
    assert.equal(user.name, 'alice')
    assert.deepEqual(user.scopes.toSorted(), [
      'access:services!service=whoami',
      'read:users:activity!user=alice',
      'read:users:groups!user=alice',
      'read:users:name!user=alice',
    ])

    const again = await signIn(platform, 'alice')
    const unasked = await again.open(prefix)
    assert.equal(unasked.url.pathname, prefix, 'what was granted before needs no second question')
  })

  test('takes a post of its own page, and none without its XSRF token', async () => {
    const alice = await signIn(platform, 'alice')
    await alice.open(prefix)
    const posted = await alice.call(prefix, { method: 'POST', body: '{"a":1}' })
    assert.equal(posted.status, 200, posted.text)
    assert.deepEqual(JSON.parse(posted.text), { posted: { a: 1 }, by: 'alice' })
    const forged = await alice.call(prefix, {
      method: 'POST',
      body: '{}',
      headers: { 'x-xsrftoken': 'wrong' },
    })
    assert.equal(forged.status, 403)
  })

  test('takes an API token of its visitor', async () => {
    const made = await platform.api<{ token: string }>('POST', '/hub/api/users/alice/tokens', { body: {} })
    const answer = await fetch(new URL(prefix, platform.url), {
      headers: { authorization: `token ${made.body.token}` },
    })
    assert.equal(answer.status, 200)
    assert.equal(((await answer.json()) as { name: string }).name, 'alice')
  })

  test('does not know a visitor any more who signed out', async () => {
    const alice = await signIn(platform, 'alice')
    await alice.open(prefix)
    await alice.open('/hub/logout')
    const later = await alice.open(prefix)
    assert.equal(later.url.pathname, '/hub/login')
  })
})

interface PageData {
  content: { kind: string; consent: { scopes: { scope: string }[] } }
}

function readPageData(html: string): PageData {
  const json = /id="atrium-page"[^>]*>(.*?)<\/script>/s.exec(html)?.[1]
  assert.ok(json, html)
  return JSON.parse(json) as PageData
}
