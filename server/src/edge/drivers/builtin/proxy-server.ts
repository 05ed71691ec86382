import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

import { findConnectionLimit } from './connection-limit.ts'
import type { EdgeSettings } from './edge-settings.ts'
import { type FrontDoor, putFrontDoor } from './front-door.ts'
import { HttpExchange } from './http-exchange.ts'
import { http } from './lean-builtins.ts'
import type { ProxyContext } from './proxy-context.ts'
import { receive } from './reception.ts'
import { createRequestTurns, type RequestTurns } from './request-turns.ts'
import { sendAnswer } from './send-answer.ts'
import type { StateGate } from './state-gate.ts'
import { createTlsServer } from './tls-server.ts'
import { refuseUpgrade, WebsocketTunnel } from './websocket-tunnel.ts'

/** What listens on the public port. */
export interface ProxyServer {
  listener: Server
  door: FrontDoor
}

/** Creates the server that does the proxying, over TLS if so set; it listens to nothing yet. Throws when a TLS file cannot be used. */
export async function createProxyServer(context: ProxyContext, gate: StateGate): Promise<ProxyServer> {
  const { tls } = context.settings
  const turns = createRequestTurns()
  const options = buildServerOptions(context.settings, turns)
  const server = tls === undefined ? http.createServer(options) : await createTlsServer(tls, options)
  const limit = findConnectionLimit()
  if (limit !== undefined) server.maxConnections = limit
  serve(server, context, gate, turns)
  return { listener: server, door: putFrontDoor(server, context, gate) }
}

function serve(server: Server, context: ProxyContext, gate: StateGate, turns: RequestTurns): void {
  const onRequest = (request: IncomingMessage, response: ServerResponse) =>
    turns.whenFirst(request, response, () => gate.whenOpen(() => handleRequest(context, request, response)))
  server.on('request', onRequest)
  server.on('drop', () => context.traffic.countTurnedAway())
  server.on('checkContinue', onRequest)
  server.on('upgrade', (request: IncomingMessage, client: Duplex, early: Buffer) => {
    client.on('error', () => client.destroy())
    gate.whenOpen(() => handleUpgrade(context, request, client as Socket, early))
  })
  server.on('connect', (_request: IncomingMessage, client: Duplex) => {
    client.on('error', () => client.destroy())
    refuseUpgrade(client as Socket, { kind: 'method-refused' })
  })
  server.on('clientError', (error: NodeJS.ErrnoException, client: Duplex) =>
    answerBadRequest(error, client as Socket),
  )
}

function buildServerOptions({ limits, times }: EdgeSettings, turns: RequestTurns): ServerOptions {
  return {
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: times.headerTimeoutMs,
    connectionsCheckingInterval: Math.min(times.headerTimeoutMs, 5000),
    // That is for `idleBodyMs`.
    requestTimeout: 0,
    keepAliveTimeout: times.idleClientMs,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: keepAliveMs,
    requireHostHeader: true,
    insecureHTTPParser: false,
    // A request that offers another protocol (h2c) is answered in HTTP/1.1, and so is one that cannot have the connection for itself.
    shouldUpgradeCallback: ({ headers, method, httpVersion, socket }) =>
      headers.upgrade?.toLowerCase() === 'websocket' &&
      method === 'GET' &&
      httpVersion === '1.1' &&
      !turns.isBusy(socket),
  }
}

/** TCP finds clients that have silently gone after this long without traffic, in milliseconds. */
const keepAliveMs = 60_000

function handleRequest(context: ProxyContext, request: IncomingMessage, response: ServerResponse): void {
  // The client left while its request waited: nobody would tell the exchange any more.
  if (response.destroyed) return
  const reception = receive(context, request, { isWebsocket: false })
  if (reception.outcome === 'refused') {
    sendAnswer(request, response, reception.refusal)
    context.traffic.countAnswer(response.statusCode, 0)
  } else new HttpExchange(context, request, response, reception).start()
}

function handleUpgrade(context: ProxyContext, request: IncomingMessage, client: Socket, early: Buffer): void {
  if (client.destroyed) return
  const reception = receive(context, request, { isWebsocket: true })
  if (reception.outcome === 'refused') refuseUpgrade(client, reception.refusal)
  else if (reception.head.hasBody) refuseUpgrade(client, { kind: 'bad-request' })
  else new WebsocketTunnel(context, request, client, reception).start(early)
}

/** A request that the parser did not take: too long, too slow, or not HTTP. */
function answerBadRequest(error: NodeJS.ErrnoException, client: Socket): void {
  if (!client.writable || client.bytesWritten > 0) {
    client.destroy()
    return
  }
  client.end(`HTTP/1.1 ${findStatusLine(error.code)}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
}

function findStatusLine(code: string | undefined): string {
  if (code === 'HPE_HEADER_OVERFLOW') return '431 Request Header Fields Too Large'
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return '408 Request Timeout'
  return '400 Bad Request'
}
