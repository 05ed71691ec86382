import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'

import { buildServiceRoute } from '#edge/conformance/conformance-site.ts'
import { type SeenRequest, startUpstream, type TestUpstream } from '#edge/conformance/test-upstream.ts'
import type { EdgeConfig } from './edge-config.ts'
import { startTestEdge, type TestEdgeServer } from './test-edge-server.ts'

let upstream: TestUpstream
let edge: TestEdgeServer

before(async () => {
  upstream = await startUpstream('upstream')
  edge = await startTestEdge(stateOf(upstream))
})
after(async () => {
  await edge.dispose()
  await upstream.kill()
})

function stateOf({ target }: TestUpstream) {
  return { routes: [buildServiceRoute('stats', target)], controlPlanes: [target] }
}

/** Sends a GET with these header lines, and answers what came through. */
async function pass(lines: readonly string[], through: TestEdgeServer = edge): Promise<SeenRequest> {
  const text = await through.send(
    `GET /services/stats/x HTTP/1.1\r\nHost: edge.example:8000\r\n${lines.map((line) => `${line}\r\n`).join('')}Connection: close\r\n\r\n`,
  )
  assert.match(text, /^HTTP\/1\.1 200 /)
  return JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)) as SeenRequest
}

async function withEdge(
  config: Partial<EdgeConfig>,
  run: (other: TestEdgeServer) => Promise<void>,
): Promise<void> {
  const other = await startTestEdge(stateOf(upstream), config)
  try {
    await run(other)
  } finally {
    await other.dispose()
  }
}

const forged = [
  'X-Forwarded-For: 6.6.6.6',
  'X-Forwarded-Proto: https',
  'X-Forwarded-Host: evil.example',
  'X-Forwarded-Port: 666',
  'X-Forwarded-User: root',
  'X-Forwarded-Prefix: /x',
  'X_Forwarded_For: 6.6.6.6',
  'X-Real-IP: 6.6.6.6',
  'X-Scheme: https',
  'Forwarded: for=6.6.6.6;proto=https',
]

describe('where a request came from', () => {
  test('is told by the edge, and not by a client', async () => {
    const { headers } = await pass(forged)
    const told = Object.entries(headers).filter(([name]) => /forwarded|real|scheme/.test(name))
    assert.deepEqual(Object.fromEntries(told), {
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'edge.example:8000',
      'x-forwarded-port': '8000',
      'x-real-ip': '127.0.0.1',
    })
  })

  test('is believed of a listed proxy, and its own address appended', async () => {
    await withEdge({ trustedProxies: ['10.0.0.0/8', '127.0.0.1/32'] }, async (other) => {
      const { headers } = await pass(forged, other)
      assert.equal(headers['x-forwarded-for'], '6.6.6.6, 127.0.0.1')
      assert.equal(headers['x-forwarded-proto'], 'https')
      assert.equal(headers['x-forwarded-host'], 'evil.example')
      assert.equal(headers['x-forwarded-port'], '666')
      assert.equal(headers['x-forwarded-prefix'], '/x')
      assert.equal(headers['x-real-ip'], '6.6.6.6')
    })
  })

  for (const [what, list, addresses] of [
    ['a client that invents more', '1.1.1.1, 6.6.6.6', '6.6.6.6, 127.0.0.1'],
    ['several proxies', '1.1.1.1, 6.6.6.6, 10.0.0.7, 10.0.0.8', '6.6.6.6, 10.0.0.7, 10.0.0.8, 127.0.0.1'],
    ['a client among the proxies', '10.0.0.7,10.0.0.8', '10.0.0.7, 10.0.0.8, 127.0.0.1'],
    ['ports', '6.6.6.6:1234, [::ffff]:80, [2001:db8::1]:443', '2001:db8::1, 127.0.0.1'],
    ['what is no address', '6.6.6.6, unknown', '127.0.0.1'],
    ['an attempt at another header', '6.6.6.6, x\ty, 10.0.0.7', '10.0.0.7, 127.0.0.1'],
  ] as const) {
    test(`is read from the nearest proxy on: ${what}`, async () => {
      await withEdge({ trustedProxies: ['10.0.0.0/8', '127.0.0.1/32'] }, async (other) => {
        const { headers } = await pass([`X-Forwarded-For: ${list}`, 'X-Real-IP: 9.9.9.9'], other)
        assert.equal(headers['x-forwarded-for'], addresses)
        assert.equal(headers['x-real-ip'], addresses.split(',')[0])
      })
    })
  }

  test('is what the edge sees itself where a proxy passes on nonsense, or what it does not write', async () => {
    await withEdge({ trustedProxies: ['127.0.0.1'] }, async (other) => {
      const { headers } = await pass(
        [
          'X-Forwarded-Proto: gopher',
          'X-Forwarded-Host: evil.example/x',
          'X-Forwarded-Port: x',
          'Forwarded: for=6.6.6.6',
        ],
        other,
      )
      assert.equal(headers['x-forwarded-proto'], 'http')
      assert.equal(headers['x-forwarded-host'], 'edge.example:8000')
      assert.equal(headers['x-forwarded-port'], '8000')
      assert.equal(headers['forwarded'], undefined)
    })
  })

  test('is not believed of a proxy that is not listed', async () => {
    await withEdge({ trustedProxies: ['10.0.0.0/8', '::1'] }, async (other) => {
      assert.equal((await pass(forged, other)).headers['x-forwarded-for'], '127.0.0.1')
    })
  })

  test('is refused as a setting when it is no address', async () => {
    for (const range of ['localhost', '10.0.0.0/33', '10.0.0.0/x', '10.0.0/8', '']) {
      await assert.rejects(
        startTestEdge({}, { trustedProxies: [range] }),
        /not an address or CIDR range/,
        range,
      )
    }
  })
})

describe('headers', () => {
  test('of the platform come from nobody outside', async () => {
    const { headers } = await pass(['X-Atrium-User: root', 'x-atrium-anything: 1', 'X_Atrium_User: root'])
    assert.deepEqual(
      Object.keys(headers).filter((name) => name.includes('atrium')),
      [],
    )
  })

  test('by which a program behind a proxy knows its user come from nobody but a listed proxy', async () => {
    const names = [
      'Remote-User',
      'REMOTE_USER',
      'Remote-Groups',
      'X-Remote-User',
      'X-Remote-Group',
      'X-WEBAUTH-USER',
      'X-Auth-Request-Email',
      'X-Authentik-Username',
      'X-Original-URL',
      'X-Client-IP',
    ]
    const lines = names.map((name) => `${name}: root`)
    const namesOf = ({ rawHeaders }: SeenRequest) => names.filter((name) => rawHeaders.includes(name))
    assert.deepEqual(namesOf(await pass(lines)), [])
    await withEdge({ trustedProxies: ['127.0.0.1'] }, async (other) => {
      assert.deepEqual(namesOf(await pass(lines, other)), names)
    })
    assert.equal((await pass(['Remote-Control: 1'])).headers['remote-control'], '1')
  })

  test('that belong to a connection are not passed on, nor those that Connection names', async () => {
    const { headers } = await pass([
      'Connection: keep-alive, X-Gone',
      'X-Gone: 1',
      'Keep-Alive: timeout=5',
      'Proxy-Connection: keep-alive',
      'Proxy-Authorization: Basic x',
      'TE: trailers',
      'Upgrade: h2c',
      'HTTP2-Settings: x',
      'X-Stays: 2',
    ])
    for (const name of [
      'connection',
      'x-gone',
      'keep-alive',
      'proxy-connection',
      'proxy-authorization',
      'te',
      'upgrade',
    ]) {
      assert.equal(headers[name], undefined, name)
    }
    assert.equal(headers['http2-settings'], undefined)
    assert.equal(headers['x-stays'], '2')
  })

  test('of a trusted proxy cannot be hidden by naming them in Connection', async () => {
    await withEdge({ trustedProxies: ['127.0.0.1'] }, async (other) => {
      const { headers } = await pass(['Connection: X-Forwarded-For', 'X-Forwarded-For: 6.6.6.6'], other)
      assert.equal(headers['x-forwarded-for'], '6.6.6.6, 127.0.0.1')
    })
  })

  test('that say who asks cannot be hidden by naming them in Connection', async () => {
    const { headers } = await pass([
      'Connection: Authorization, Cookie, Host',
      'Authorization: Basic x',
      'Cookie: a=b',
    ])
    assert.equal(headers['authorization'], 'Basic x')
    assert.equal(headers['cookie'], 'a=b')
    assert.equal(headers['host'], 'edge.example:8000')
  })

  test('pass as they are otherwise, in their order and spelling, byte for byte', async () => {
    const { rawHeaders } = await pass([
      'X-Twice: 1',
      'x-oDD: \u00e9\u00ff',
      'X-Twice: 2',
      'X-Empty:',
      'X-JupyterHub-Version: 6',
    ])
    const index = rawHeaders.indexOf('X-Twice')
    assert.deepEqual(rawHeaders.slice(index, index + 10), [
      ...[
        'X-Twice',
        '1',
        'x-oDD',
        '\u00c3\u00a9\u00c3\u00bf',
        'X-Twice',
        '2',
        'X-Empty',
        '',
        'X-JupyterHub-Version',
        '6',
      ],
    ])
  })
})

describe('a request is refused', () => {
  for (const [what, request, status] of [
    [
      'with a length and chunks',
      'POST /hub/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    [
      'with two lengths',
      'POST /hub/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello',
      400,
    ],
    ['with a length that is none', 'POST /hub/ HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello', 400],
    [
      'with an unknown transfer coding',
      'POST /hub/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    [
      'with a misspelt transfer coding',
      'POST /hub/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['with a folded header', 'GET /hub/ HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n', 400],
    ['with a space before a colon', 'GET /hub/ HTTP/1.1\r\nHost : a\r\n\r\n', 400],
    ['with a lone line feed', 'GET /hub/ HTTP/1.1\r\nHost: a\nX: b\r\n\r\n', 400],
    ['with a NUL', 'GET /hub/ HTTP/1.1\r\nHost: a\r\nX: b\0\r\n\r\n', 400],
    ['without a host', 'GET /hub/ HTTP/1.1\r\n\r\n', 400],
    ['with two hosts', 'GET /hub/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400],
    ['with a host that is none', 'GET /hub/ HTTP/1.1\r\nHost: a/user/alice\r\n\r\n', 400],
    ['with a host and a user', 'GET /hub/ HTTP/1.1\r\nHost: a@b\r\n\r\n', 400],
    ['in absolute form', 'GET http://a/hub/ HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['for the server as a whole', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['when it is not HTTP', 'SSH-2.0-OpenSSH_9.2\r\n\r\n', 400],
    ['in another version', 'GET /hub/ HTTP/2.7\r\nHost: a\r\n\r\n', 400],
    ['in the next version', 'GET /hub/ HTTP/2.0\r\nHost: a\r\n\r\n', 505],
    ['in the version before all versions', 'GET /hub/\r\n\r\n', 505],
    ['when it asks to see itself', 'TRACE /hub/ HTTP/1.1\r\nHost: a\r\n\r\n', 405],
    [
      'with chunks in HTTP/1.0',
      'POST /hub/ HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['when it asks for a tunnel', 'CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n', 405],
    ['with a very long header', `GET /hub/ HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`, 431],
    ['with a very long path', `GET /hub/${'x'.repeat(40_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 431],
    ['with very many headers', `GET /hub/ HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(300)}\r\n`, 431],
    [
      'with a body beyond the limit',
      `POST /hub/ HTTP/1.1\r\nHost: a\r\nContent-Length: ${17 * 1024 * 1024}\r\n\r\n`,
      413,
    ],
  ] as [string, string, number][]) {
    test(what, async () => {
      const before = upstream.seen.length
      const text = await edge.send(request.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
      assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `))
      assert.equal(upstream.seen.length, before)
    })
  }

  test('when its head does not come in time', async () => {
    await withEdge({ times: { headerTimeoutMs: 60 } }, async (other) => {
      assert.match(await other.send('GET /hub/ HTTP/1.1\r\nHost: a\r\nX-Slow'), /^HTTP\/1\.1 408 /)
    })
  })

  test('when its chunked body turns out to be beyond the limit', async () => {
    await withEdge({ limits: { maxControlPlaneBodyBytes: 10 } }, async (other) => {
      const text = await other.send(
        'POST /hub/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n01234567\r\n8\r\n01234567\r\n0\r\n\r\n',
      )
      assert.match(text, /^HTTP\/1\.1 413 /)
    })
  })
})

test('bytes that follow a refused request are not taken for another', async () => {
  const before = upstream.seen.length
  const text = await edge.send(
    'POST /hub/ HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /hub/smuggled HTTP/1.1\r\nHost: a\r\n\r\n',
  )
  assert.equal(text.match(/HTTP\/1\.1 /g)?.length, 1)
  assert.equal(upstream.seen.length, before)
})

test('requests sent one behind the other are answered in order', async () => {
  const get = (path: string, more = '') => `GET /services/stats/${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`
  const text = await edge.send(get('1') + get('2') + get('3', 'Connection: close\r\n'))
  assert.deepEqual(
    Array.from(text.matchAll(/"target":"\/services\/stats\/(\d)"/g), ([, number]) => number),
    ['1', '2', '3'],
  )
})

test('HTTP/1.0 is answered, with and without a host', async () => {
  assert.match(
    await edge.send('GET /services/stats/x HTTP/1.0\r\n\r\n'),
    /^HTTP\/1\.1 200 [\s\S]*"host":"localhost"/,
  )
  assert.match(await edge.send('GET /services/stats/x HTTP/1.0\r\nHost: a\r\n\r\n'), /^HTTP\/1\.1 200 /)
  const post = 'POST /services/stats/x HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello'
  assert.match(await edge.send(post), /^HTTP\/1\.1 200 /, 'no interim response')
})
