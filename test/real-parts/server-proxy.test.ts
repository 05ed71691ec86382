import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'

import { acceptWebsocket } from '@atrium/server/edge/conformance/websocket-peer.ts'
import { request } from 'undici'

import { type Platform, startPlatform } from '../support/platform.ts'
import type { HttpBrowser } from './http-browser.ts'
import { openSocket } from './jupyter-socket.ts'
import { createPerson, signIn, startServer } from './people.ts'

const mebibyte = 1024 * 1024
/** RFC 6455 section 5.2. */
const textOpcode = 1
const uploadBytes = 1024 * mebibyte

describe('unmodified jupyter-server-proxy inside a server', () => {
  let platform: Platform
  let alice: HttpBrowser
  let app: Server
  let proxied: string

  before(async () => {
    app = await startApp()
    proxied = `/user/alice/proxy/${(app.address() as AddressInfo).port}/`
    platform = await startPlatform()
    await createPerson(platform, 'alice')
    alice = await signIn(platform, 'alice')
    await startServer(platform, 'alice')
    await alice.open('/user/alice/lab')
  })
  after(async () => {
    app?.closeAllConnections()
    app?.close()
    await platform?.dispose()
  })

  test('shows an app of the user, its path and query as they were', async () => {
    const page = await alice.open(`${proxied}some/page?q=a%20b`)
    assert.equal(page.status, 200, page.text)
    assert.equal(page.text, 'GET /some/page?q=a%20b')
  })

  test('carries its websockets both ways', async () => {
    const socket = await openSocket(alice, platform.url, `${proxied}echo`)
    socket.send('hello')
    assert.equal(await socket.find(() => true), 'hello back')
    socket.close()
  })

  test('hides it from who is not signed in', async () => {
    const answer = await fetch(new URL(proxied, platform.url), { redirect: 'manual' })
    assert.notEqual(answer.status, 200)
  })

  test('keeps a file of 1 GiB whole, uploaded in the pieces that JupyterLab sends', async () => {
    const expected = createHash('sha256')
    const piece = randomBytes(mebibyte)
    const content = piece.toString('base64')
    const pieces = uploadBytes / mebibyte
    for (let number = 1; number <= pieces; number += 1) {
      expected.update(piece)
      const saved = await alice.call('/user/alice/api/contents/big.bin', {
        method: 'PUT',
        body: JSON.stringify({
          type: 'file',
          format: 'base64',
          content,
          chunk: number === pieces ? -1 : number,
        }),
      })
      assert.ok(
        saved.status === 200 || saved.status === 201,
        `${saved.status} for piece ${number}: ${saved.text}`,
      )
    }
    const file = await request(new URL('/user/alice/files/big.bin', platform.url), {
      headers: { cookie: alice.cookieHeader('/user/alice/'), 'sec-fetch-mode': 'navigate' },
    })
    assert.equal(file.statusCode, 200)
    const received = createHash('sha256')
    for await (const chunk of file.body) received.update(chunk)
    assert.equal(received.digest('hex'), expected.digest('hex'))
  })
})

/** An app as a user would run one: says what it was asked, and answers what a websocket sends. */
async function startApp(): Promise<Server> {
  const server = createServer((incoming, answer) => answer.end(`${incoming.method} ${incoming.url}`))
  server.on('upgrade', (incoming, stream, early) => {
    const peer = acceptWebsocket(incoming, stream as Socket, early)
    peer.onFrame(({ opcode, payload }) => {
      if (opcode === textOpcode) peer.sendText(`${payload} back`)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}
