/**
 * What stands behind the proxies, in a process of its own: plain sockets and prepared answers, so that it costs as little as can be.
 * GET .../small gives 512 bytes, .../big 1 MB; a POST is read to its end; an upgrade becomes a websocket that echoes.
 */
import { createHash } from 'node:crypto'
import { createServer, type Socket } from 'node:net'

const small = buildAnswer(Buffer.alloc(512, 'a'))
const big = buildAnswer(Buffer.alloc(1_000_000, 'a'))
const websocketGuid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

const server = createServer({ noDelay: true }, (socket) => {
  let pending = ''
  let bodyBytes = 0
  socket.on('error', () => socket.destroy())
  socket.on('data', onData)

  function onData(bytes: Buffer): void {
    if (bodyBytes > 0) {
      bodyBytes -= bytes.length
      if (bodyBytes <= 0) socket.write(small)
      return
    }
    pending += bytes.toString('latin1')
    for (let end = pending.indexOf('\r\n\r\n'); end !== -1; end = pending.indexOf('\r\n\r\n')) {
      const head = pending.slice(0, end)
      pending = pending.slice(end + 4)
      if (/\r\nupgrade: websocket/i.test(head)) {
        socket.off('data', onData)
        echo(socket, head)
        return
      }
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
      if (length > pending.length) {
        bodyBytes = length - pending.length
        pending = ''
        return
      }
      pending = pending.slice(length)
      socket.write(head.includes('/big') ? big : small)
    }
  }
})
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as { port: number }
  process.stdout.write(`${JSON.stringify({ port })}\n`)
})

function buildAnswer(body: Buffer): Buffer {
  const head = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nDate: Tue, 24 Nov 2026 00:00:00 GMT\r\nServer: backend\r\nContent-Length: ${body.length}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), body])
}

/** Answers every masked frame of at most 125 bytes with one of the same length. */
function echo(socket: Socket, head: string): void {
  const key = /\r\nsec-websocket-key: ([^\r]+)/i.exec(head)?.[1] ?? ''
  const accept = createHash('sha1').update(`${key}${websocketGuid}`).digest('base64')
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  )
  socket.on('data', (frame: Buffer) => {
    const length = (frame[1] as number) & 0x7f
    const answer = Buffer.alloc(2 + length, 'a')
    answer[0] = frame[0] as number
    answer[1] = length
    socket.write(answer)
  })
}
