import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import type { Server, ServerOptions } from 'node:http'
import type { Duplex } from 'node:stream'

/** How often the certificate is looked at. Polling also sees what certificate tools do: a symbolic link that is moved. */
const watchEveryMs = 5000

/** Creates an HTTPS server. A renewed certificate is taken from the same files without a restart; a bad one leaves the old in use. */
export async function createTlsServer(
  files: { certificate: string; key: string },
  options: ServerOptions,
): Promise<Server> {
  const { createServer } = await import('node:https')
  const server = createServer({ ...options, ...readFiles(files), minVersion: 'TLSv1.2' })
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ERR_SSL_HTTP_REQUEST') answerPlainHttp(socket)
  })
  const reload = () => {
    try {
      server.setSecureContext(readFiles(files))
    } catch {
      // The pair is being written: the next look finds it whole.
    }
  }
  for (const file of Object.values(files))
    watchFile(file, { interval: watchEveryMs, persistent: false }, reload)
  server.on('close', () => {
    for (const file of Object.values(files)) unwatchFile(file, reload)
  })
  return server
}

/** Somebody who forgot the `s` gets to know, and not an empty page. */
function answerPlainHttp(socket: Duplex): void {
  const text = 'This address is spoken to over TLS: write https:// before it.\n'
  const head = `HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: ${text.length}\r\nConnection: close\r\n\r\n`
  // The socket below TLS, which Node shows to nobody; without it the connection just ends.
  const { _parent: plain } = socket as { _parent?: Duplex }
  plain?.end(head + text)
}

function readFiles({ certificate, key }: { certificate: string; key: string }): {
  cert: Buffer
  key: Buffer
} {
  return { cert: readFileSync(certificate), key: readFileSync(key) }
}
