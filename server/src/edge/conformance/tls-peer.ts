/** TLS programs behind and before an edge, with certificates of their own. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, createServer, type TLSSocket } from 'node:tls'

export interface TlsUpstream {
  /** `tcp://127.0.0.1:PORT`. */
  target: string
  /** Open connections here. */
  readonly sockets: ReadonlySet<Socket>
  /** Stops listening and closes every connection, as a killed process does. */
  kill(): Promise<void>
}

/** A self-signed certificate for `name`, in PEM. */
export function makeCertificate(name: string): { cert: Buffer; key: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), 'atrium-certificate-'))
  const [cert, key] = [join(folder, 'crt'), join(folder, 'key')]
  const keyType = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const files = ['-keyout', key, '-out', cert]
  execFileSync('openssl', ['req', '-x509', ...keyType, ...files, '-subj', `/CN=${name}`, '-days', '2'], {
    stdio: 'ignore',
  })
  const pair = { cert: readFileSync(cert), key: readFileSync(key) }
  rmSync(folder, { recursive: true })
  return pair
}

/** Starts a server whose certificate is for `name`; it sends back what it gets. */
export async function startTlsEcho(name: string): Promise<TlsUpstream> {
  const sockets = new Set<Socket>()
  const server = createServer(makeCertificate(name), (socket) => socket.pipe(socket))
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
  })
  server.on('secureConnection', (socket) => socket.on('error', () => undefined))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    target: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sockets,
    async kill() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A TLS connection through an edge. */
export interface TlsPeer {
  readonly socket: TLSSocket
  /** Of the certificate that answered. */
  readonly commonName: string
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>
  /** Sends text and answers what comes back, in the same length. */
  echo(text: string): Promise<string>
}

/** Connects to `http://host:port` and asks for a name. Rejects with what TLS says when that fails. */
export function connectTls(url: string, servername: string): Promise<TlsPeer> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), servername, rejectUnauthorized: false })
    const closed = new Promise<void>((done) => socket.on('close', () => done()))
    socket.on('error', reject)
    socket.once('close', () => reject(new Error('the connection was closed')))
    socket.once('secureConnect', () =>
      resolve({
        socket,
        commonName: socket.getPeerCertificate().subject.CN as string,
        closed,
        echo: (text) => echo(socket, text),
      }),
    )
  })
}

function echo(socket: TLSSocket, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let back = ''
    const onData = (piece: Buffer) => {
      back += piece.toString()
      if (back.length < text.length) return
      socket.off('data', onData)
      resolve(back)
    }
    socket.on('data', onData)
    socket.once('close', () => reject(new Error('the connection was closed')))
    socket.write(text)
  })
}
