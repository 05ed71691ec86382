import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { before, describe, test } from 'node:test'
import { connect } from 'node:tls'

import fc from 'fast-check'

import {
  buildExtension,
  buildHello,
  buildServerName,
  cut,
  cutIntoRecords,
} from '#edge/conformance/test-client-hello.ts'
import { ClientHelloReader, type HelloProgress } from './client-hello.ts'

const name = 'daskgateway-0123456789abcdef0123456789abcdef'

/** Programs that open a TLS connection to a port, asking for `name` or for nobody. */
const clients: Readonly<Record<string, (port: number, serverName?: string) => { end(): void }>> = {
  node: (port, servername) => startNode(port, servername),
  'node, TLS 1.2': (port, servername) => startNode(port, servername, { maxVersion: 'TLSv1.2' }),
  openssl: (port, serverName) =>
    startProgram('openssl', [
      's_client',
      '-connect',
      `127.0.0.1:${port}`,
      ...(serverName === undefined ? ['-noservername'] : ['-servername', serverName]),
    ]),
  python: (port, serverName) =>
    startProgram('python3', [
      '-c',
      `import socket, ssl
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
context.wrap_socket(socket.create_connection(("127.0.0.1", ${port})), server_hostname=${serverName === undefined ? 'None' : `"${serverName}"`})`,
    ]),
}

function startNode(port: number, servername?: string, options: { maxVersion?: 'TLSv1.2' } = {}) {
  const named = servername === undefined ? {} : { servername }
  const socket = connect({ port, host: '127.0.0.1', ...named, ...options })
  socket.on('error', () => undefined)
  return { end: () => socket.destroy() }
}

function startProgram(program: string, args: readonly string[]) {
  const child: ChildProcess = spawn(program, args, { stdio: 'ignore' })
  return { end: () => child.kill('SIGKILL') }
}

/** The first bytes that a client sends. */
async function record(start: (port: number) => { end(): void }): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = start((server.address() as { port: number }).port)
  const [socket] = (await once(server, 'connection')) as [Socket]
  const [bytes] = (await once(socket, 'data')) as [Buffer]
  client.end()
  socket.destroy()
  server.close()
  return bytes
}

/** Reads bytes that come in pieces; stops at the first answer. */
function read(...pieces: readonly Buffer[]): HelloProgress {
  const reader = new ClientHelloReader()
  let progress: HelloProgress = { kind: 'incomplete' }
  for (const piece of pieces) {
    progress = reader.feed(piece)
    if (progress.kind !== 'incomplete') break
  }
  return progress
}

let hello: Buffer
before(async () => {
  hello = await record((port) => startNode(port, name))
})

describe('the first message of a TLS connection', () => {
  for (const [client, start] of Object.entries(clients)) {
    test(`of ${client} says whom it asks for, however it is cut`, async () => {
      const bytes = await record((port) => start(port, name))
      const expected = { kind: 'complete', serverName: name }
      assert.deepEqual(read(bytes), expected)
      for (const size of [1, 2, 3, 4, 5, 6, 100]) {
        assert.deepEqual(read(...cut(bytes, size)), expected, `pieces of ${size}`)
        assert.deepEqual(read(cutIntoRecords(bytes, size)), expected, `records of ${size}`)
        assert.deepEqual(read(...cut(cutIntoRecords(bytes, size), 1)), expected, `single bytes of them`)
      }
      assert.deepEqual(read(bytes.subarray(0, -1)), { kind: 'incomplete' })
      assert.deepEqual(read(Buffer.concat([bytes, Buffer.from('early data')])), expected)
    })

    test(`of ${client} may ask for nobody`, async () => {
      const bytes = await record((port) => start(port))
      assert.deepEqual(read(bytes), { kind: 'complete', serverName: undefined })
    })
  }

  test('is read without regard to case, and without extensions', () => {
    const named = buildHello(
      Buffer.concat([buildExtension(43, Buffer.from([2, 3, 4])), buildServerName([0, 'Name.A'])]),
    )
    assert.deepEqual(read(named), { kind: 'complete', serverName: 'name.a' })
    assert.deepEqual(read(buildHello(undefined)), { kind: 'complete', serverName: undefined })
    assert.deepEqual(read(buildHello(Buffer.alloc(0))), { kind: 'complete', serverName: undefined })
  })

  const patch = (at: number, ...bytes: number[]) => {
    const changed = Buffer.from(hello)
    changed.set(bytes, at)
    return changed
  }
  const bad: Readonly<Record<string, () => Buffer>> = {
    'another kind of record': () => patch(0, 23),
    'a version of SSL 2': () => patch(1, 2),
    'an empty record': () => Buffer.from([22, 3, 1, 0, 0]),
    'a record that is too long': () => Buffer.from([22, 3, 1, 0x40, 1]),
    'another record in its middle': () =>
      Buffer.concat([Buffer.from([22, 3, 1, 0, 2, 1, 0]), Buffer.from([23, 3, 3, 0, 1, 0])]),
    'another message': () => patch(5, 2),
    'a message that is too long': () => patch(6, 0, 0x40, 1),
    'a session id that is too long': () => patch(43, 33),
    'an odd length of cipher suites': () => patch(43 + 33, 0, 3),
    'two names': () => buildHello(buildServerName([0, 'a'], [0, 'b'])),
    'names twice': () => buildHello(Buffer.concat([buildServerName([0, 'a']), buildServerName([0, 'b'])])),
    'an empty name': () => buildHello(buildServerName([0, ''])),
    'an empty list of names': () => buildHello(buildServerName()),
    'a name of an unknown kind': () => buildHello(buildServerName([1, 'a'])),
    'an extension that is longer than all': () => buildHello(Buffer.from([0, 0, 0, 9, 0])),
    'half an extension': () => buildHello(Buffer.from([0])),
  }
  for (const [what, build] of Object.entries(bad)) {
    test(`is refused with ${what}`, () => {
      assert.deepEqual(read(build()), { kind: 'malformed' })
      assert.deepEqual(read(...cut(build(), 1)), { kind: 'malformed' })
    })
  }

  test('is told from other protocols by its first two bytes', () => {
    assert.deepEqual(read(Buffer.from([22])), { kind: 'incomplete' })
    assert.deepEqual(read(Buffer.from([22]), Buffer.from('n')), { kind: 'malformed' })
    assert.deepEqual(read(Buffer.from('S')), { kind: 'malformed' })
  })

  test('takes any bytes, and says the same however they come', () => {
    const changes = fc.array(fc.tuple(fc.nat(600), fc.nat(255)), { maxLength: 8 })
    const anyBytes = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes))
    const likely = anyBytes.map((bytes) => buildHello(bytes))
    const changed = changes.map((list) => {
      const bytes = Buffer.from(hello)
      for (const [at, value] of list) if (at < bytes.length) bytes[at] = value
      return bytes
    })
    fc.assert(
      fc.property(fc.oneof(anyBytes, likely, changed), fc.integer({ min: 1, max: 64 }), (bytes, size) => {
        assert.deepEqual(read(...cut(bytes, size)), read(bytes))
      }),
      { numRuns: 2000 },
    )
  })
})
