import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'

import { buildCredential, buildServerRoute, buildServiceRoute } from '#edge/conformance/conformance-site.ts'
import { type SeenRequest, startUpstream, type TestUpstream } from '#edge/conformance/test-upstream.ts'
import { HandshakeError, openWebsocket } from '#edge/conformance/websocket-peer.ts'
import { startTestEdge, type TestEdgeServer } from './test-edge-server.ts'

/** By these a browser or a web server in front would do something beyond the path. */
const forWholeHost = [
  'Alt-Svc',
  'CLEAR-SITE-DATA',
  'nel',
  'Report-To',
  'Strict-Transport-Security',
  'X-Accel-Redirect',
  'X-Lighttpd-Send-File',
  'X-Reproxy-Url',
  'X-Sendfile',
]
let upstream: TestUpstream
let edge: TestEdgeServer

before(async () => {
  upstream = await startUpstream('upstream', {
    respond(request, response, seen) {
      if (request.url?.includes('set-cookie')) {
        response.setHeader('set-cookie', [
          'mine=1; Path=/user/alice/',
          'atrium-session=evil; Path=/',
          '=atrium-session=evil',
          ' atrium-session =evil',
          'atrium-session',
          '__Host-atrium-session=evil; Path=/; Secure',
          'atrium-session-not=1',
        ])
      }
      if (request.url?.includes('far-reaching')) {
        response.setHeader('Service-Worker-Allowed', '/')
        response.setHeader('Cross-Origin-Opener-Policy', 'same-origin; report-to="x"')
        for (const name of forWholeHost) response.setHeader(name, 'x')
      }
      response.end(JSON.stringify(seen))
    },
  })
  edge = await startTestEdge({
    routes: [
      buildServerRoute('alice', upstream.target),
      buildServerRoute('bob', upstream.target),
      buildServerRoute('carol'),
      buildServiceRoute('stats', upstream.target),
    ],
    credentials: [
      buildCredential('alice-session', ['alice', 'dave'], { kind: 'session' }),
      buildCredential('bob-session', ['bob'], { kind: 'session' }),
      buildCredential('alice-token', ['alice']),
      buildCredential('bob-token', ['bob']),
      buildCredential('admin-token', '*'),
      buildCredential('carol-session', ['carol'], { kind: 'session' }),
    ],
    controlPlanes: [upstream.target],
  })
})
beforeEach(() => {
  upstream.seen.length = 0
})
after(async () => {
  await edge.dispose()
  await upstream.kill()
})

const page = { accept: 'text/html,application/xhtml+xml' }
const session = (secret: string) => ({ cookie: `atrium-session=${secret}` })

function request(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> {
  return fetch(`${edge.url}${path}`, { method, headers, redirect: 'manual' })
}

async function statusOf(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<number> {
  const response = await request(path, headers, method)
  await response.arrayBuffer()
  return response.status
}

async function seenBehind(path: string, headers: Record<string, string>): Promise<SeenRequest> {
  const response = await request(path, headers)
  assert.equal(response.status, 200)
  return (await response.json()) as SeenRequest
}

describe('a credential is accepted', () => {
  for (const [where, path, headers] of [
    ['as JupyterHub writes it', '/user/alice/', { authorization: 'token alice-token' }],
    ['as OAuth writes it', '/user/alice/', { authorization: 'Bearer alice-token' }],
    ['in any case', '/user/alice/', { authorization: 'TOKEN  alice-token' }],
    ['in the query', '/user/alice/?x=1&token=alice-token', {}],
    ['in the session cookie', '/user/alice/', session('alice-session')],
    ['among other cookies', '/user/alice/', { cookie: 'a=b;atrium-session=alice-session; c="d; e"' }],
  ] as [string, string, Record<string, string>][]) {
    test(where, async () => assert.equal(await statusOf(path, headers), 200))
  }
})

describe('a credential is not accepted', () => {
  for (const [why, path, headers] of [
    ['without a scheme', '/user/alice/', { authorization: 'alice-token' }],
    ['with another scheme', '/user/alice/', { authorization: 'Basic alice-token' }],
    ['with words behind it', '/user/alice/', { authorization: 'token alice-token x' }],
    ['when a token stands in the session cookie', '/user/alice/', session('alice-token')],
    [
      "when a session's secret stands in the header",
      '/user/alice/',
      { authorization: 'token alice-session' },
    ],
    ['under the name that is for TLS', '/user/alice/', { cookie: '__Host-atrium-session=alice-session' }],
    ['under a name that only ends alike', '/user/alice/', { cookie: 'x-atrium-session=alice-session' }],
    ['in the fragment of another parameter', '/user/alice/?x=token=alice-token', {}],
    ['when it is absurdly long', '/user/alice/', { authorization: `token ${'a'.repeat(5000)}` }],
    ["when it is another user's", '/user/alice/', { authorization: 'token bob-token' }],
    ["when the session is another user's", '/user/alice/', session('bob-session')],
  ] as [string, string, Record<string, string>][]) {
    test(why, async () => {
      assert.equal(await statusOf(path, headers), 403)
      assert.equal(upstream.seen.length, 0)
    })
  }
})

describe('several credentials', () => {
  test('an explicit token wins over the cookie', async () => {
    assert.equal(
      await statusOf('/user/alice/', { ...session('alice-session'), authorization: 'token bob-token' }),
      403,
    )
    assert.equal(await statusOf('/user/alice/?token=bob-token', session('alice-session')), 403)
    assert.equal(
      await statusOf('/user/bob/', { ...session('alice-session'), authorization: 'token bob-token' }),
      200,
    )
  })

  test("a secret that nobody here issued does not hide the cookie: it is the user's own program's", async () => {
    const seen = await seenBehind('/user/alice/proxy/8080/', {
      ...session('alice-session'),
      authorization: 'Bearer own',
    })
    assert.equal(seen.headers['authorization'], 'Bearer own')
  })
})

describe('somebody who may not get in', () => {
  test('is sent to sign in, and back, when loading a page', async () => {
    const response = await request('/user/alice/lab?x=1&y=%2F', page)
    assert.equal(response.status, 302)
    assert.equal(
      response.headers.get('location'),
      '/hub/login?next=%2Fuser%2Falice%2Flab%3Fx%3D1%26y%3D%252F',
    )
  })

  test('is answered in JSON when it is a program', async () => {
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH']) {
      const response = await request('/user/alice/api/contents', { accept: 'application/json' }, method)
      assert.equal(response.status, 403)
      assert.deepEqual(await response.json(), { status: 403, message: 'Missing or invalid credentials.' })
    }
    assert.equal(await statusOf('/user/alice/x', page, 'POST'), 403)
  })

  test('gets a page that says so when signed in without access', async () => {
    const response = await request('/user/bob/lab', { ...page, ...session('alice-session') })
    assert.equal(response.status, 403)
    assert.match(await response.text(), /Your permissions do not cover this server/)
  })
})

describe('a server that is not running', () => {
  test('is answered with a page that offers to start it', async () => {
    const response = await request('/user/carol/lab?x=<y>', { ...page, ...session('carol-session') })
    assert.equal(response.status, 424)
    assert.equal(response.headers.get('cache-control'), 'no-store')
    assert.match(response.headers.get('content-security-policy') as string, /default-src 'none'/)
    const text = await response.text()
    assert.match(text, /href="\/hub\/spawn\/carol\?next=%2Fuser%2Fcarol%2Flab%3Fx%3D%253Cy%253E"/)
    assert.match(text, /<html lang="en">/)
  })

  test('is answered in JSON for a program, with the status JupyterHub has for it', async () => {
    const response = await request('/user/carol/api/status', session('carol-session'))
    assert.equal(response.status, 424)
    assert.deepEqual(await response.json(), { status: 424, message: 'The server of carol is not running.' })
  })

  test('is treated alike when nothing is known of it', async () => {
    const response = await request('/user/dave/x', { ...page, ...session('alice-session') })
    assert.equal(response.status, 424)
    assert.match(await response.text(), /\/hub\/spawn\/dave\?next=/)
    assert.equal(await statusOf('/user/dave/x', page), 302)
    assert.equal(await statusOf('/user/dave/x', session('bob-session')), 403)
  })

  test('has its name escaped, whatever it is', async () => {
    const name = `<script>alert('"&')</script>`
    const response = await request(`/user/${encodeURIComponent(name).replaceAll('%2F', '')}/x`, {
      ...page,
      authorization: 'token admin-token',
    })
    const text = await response.text()
    assert.equal(response.status, 424)
    assert.doesNotMatch(text, /<script/)
    assert.match(text, /&#60;script&#62;/)
  })
})

describe('the session cookie', () => {
  test("never reaches a user's server or a service, other cookies do", async () => {
    const cookie =
      'a=1; atrium-session=alice-session; jupyterhub-session-id=x; __Host-atrium-session=y; b="c=d"'
    for (const path of ['/user/alice/x', '/services/stats/x']) {
      const seen = await seenBehind(path, { cookie })
      assert.equal(seen.headers['cookie'], 'a=1; jupyterhub-session-id=x; b="c=d"')
    }
    assert.equal((await seenBehind('/user/alice/x', session('alice-session'))).headers['cookie'], undefined)
  })

  test('reaches the control plane', async () => {
    const seen = await seenBehind('/hub/home', session('alice-session'))
    assert.equal(seen.headers['cookie'], 'atrium-session=alice-session')
  })

  test('cannot be set by a server or a service', async () => {
    for (const path of ['/user/alice/set-cookie', '/services/stats/set-cookie']) {
      const response = await request(path, session('alice-session'))
      assert.deepEqual(response.headers.getSetCookie(), ['mine=1; Path=/user/alice/', 'atrium-session-not=1'])
    }
    assert.equal((await request('/hub/set-cookie')).headers.getSetCookie().length, 7)
  })

  test('has another name behind TLS, and the plain one counts for nothing there', async () => {
    const secure = await startTestEdge(
      { ...edge.server.table.state },
      { publicUrl: 'https://atrium.example.org/' },
    )
    const get = (cookie: string) =>
      fetch(`${secure.url}/user/alice/`, { headers: { cookie }, redirect: 'manual' })
    assert.equal((await get('__Host-atrium-session=alice-session')).status, 200)
    assert.equal((await get('atrium-session=alice-session')).status, 403)
    await secure.dispose()
  })
})

describe('what a response says about the whole host', () => {
  const names = (headers: Headers) => forWholeHost.filter((name) => headers.has(name))

  test('is left out, unless the control plane says it', async () => {
    for (const path of ['/user/alice/far-reaching', '/services/stats/far-reaching']) {
      const { headers } = await request(path, session('alice-session'))
      assert.deepEqual(names(headers), [])
    }
    assert.deepEqual(names((await request('/hub/far-reaching')).headers), forWholeHost)
  })

  test('a window cannot ask for what lets it reach into those of the platform', async () => {
    const policy = async (path: string) =>
      (await request(path, session('alice-session'))).headers.get('cross-origin-opener-policy')
    assert.equal(await policy('/user/alice/far-reaching'), 'same-origin-allow-popups')
    assert.equal(await policy('/services/stats/far-reaching'), 'same-origin-allow-popups')
    assert.equal(await policy('/hub/far-reaching'), 'same-origin; report-to="x"')
  })

  test('a service worker controls the pages of its own server alone', async () => {
    const scope = async (path: string) => {
      const { headers } = await request(path, { authorization: 'token admin-token' })
      return headers.get('service-worker-allowed')
    }
    edge.server.apply([{ type: 'route-put', route: buildServerRoute('renée m@x?#', upstream.target) }])
    assert.equal(await scope('/user/alice/far-reaching'), '/user/alice/')
    assert.equal(await scope('/user/ren%C3%A9e%20m@x%3F%23/far-reaching'), '/user/ren%C3%A9e%20m@x%3F%23/')
    assert.equal(await scope('/hub/far-reaching'), '/')
  })
})

describe('a websocket that rests on the session cookie', () => {
  const open = (headers: Record<string, string>, path = '/user/alice/ws') =>
    openWebsocket(edge.url, path, headers)
  const isForbidden = (error: unknown) => error instanceof HandshakeError && error.status === 403

  test('opens for a page of this site', async () => {
    const websocket = await open({ ...session('alice-session'), origin: edge.url })
    websocket.close()
  })

  for (const origin of [
    'http://evil.example',
    'https://127.0.0.1',
    'http://127.0.0.1',
    'null',
    'http://127.0.0.1.evil.example',
    'file://',
  ]) {
    test(`is refused to a page of ${origin}`, async () => {
      await assert.rejects(open({ ...session('alice-session'), origin }), isForbidden)
      await assert.rejects(open({ ...session('alice-session'), origin }, '/hub/ws'), isForbidden)
      assert.equal(upstream.seen.length, 0)
    })
  }

  test('is refused to a page that came over http where the platform is reached over https', async () => {
    const secure = await startTestEdge(edge.server.table.state, { publicUrl: 'https://127.0.0.1' })
    const openFrom = (origin: string) =>
      openWebsocket(secure.url, '/user/alice/ws', { cookie: '__Host-atrium-session=alice-session', origin })
    await assert.rejects(openFrom(secure.url), isForbidden)
    const websocket = await openFrom(secure.url.replace('http:', 'https:'))
    websocket.close()
    await secure.dispose()
  })

  test('is refused without an origin', async () => {
    await assert.rejects(open(session('alice-session')), isForbidden)
  })

  test('needs none when it rests on a token', async () => {
    const websocket = await open({ authorization: 'token alice-token', origin: 'http://evil.example' })
    websocket.close()
  })

  test("is refused on another user's server, whatever the credential", async () => {
    const origin = edge.url
    await assert.rejects(open({ ...session('bob-session'), origin }), isForbidden)
    await assert.rejects(open({ authorization: 'token bob-token' }), isForbidden)
    await assert.rejects(open({}, '/user/alice/ws?token=bob-token'), isForbidden)
    await assert.rejects(open({ origin }), isForbidden)
  })
})
