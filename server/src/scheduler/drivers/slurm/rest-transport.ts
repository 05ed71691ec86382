import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'

import { RestFailure } from './rest-failure.ts'

export interface RestRequest {
  method: 'GET' | 'POST' | 'DELETE'
  /** With its query. */
  path: string
  headers: Readonly<Record<string, string>>
  body?: object
  signal: AbortSignal
}

export interface RestAnswer {
  status: number
  /** Undefined when it is no JSON. */
  json: unknown
  /** The beginning of an answer that is no JSON. */
  text: string
}

/** Sends one request and reads its answer. Throws `RestFailure`, or the signal's reason. */
export type RestTransport = (request: RestRequest) => Promise<RestAnswer>

const mostAnswerBytes = 512 * 2 ** 20
const longestText = 300
const socketPrefix = 'unix:'

/**
 * `url`: `http://host:6820`, or `unix:/run/slurmrestd/socket`. Every request has a connection of its own: one that slurmrestd closed while it
 * was idle would leave it open whether a submission arrived.
 */
export function createRestTransport({ url, timeoutMs }: { url: string; timeoutMs: number }): RestTransport {
  const socketPath = url.startsWith(socketPrefix) ? url.slice(socketPrefix.length) : undefined
  const base = socketPath === undefined ? url.replace(/\/+$/, '') : 'http://localhost'
  const open = base.startsWith('https:') ? requestHttps : requestHttp
  return ({ method, path, headers, body, signal }) => {
    const content = body === undefined ? undefined : JSON.stringify(body)
    return new Promise((resolve, reject) => {
      signal.throwIfAborted()
      const timeout = AbortSignal.timeout(timeoutMs)
      const request = open(`${base}${path}`, {
        method,
        agent: false,
        signal: AbortSignal.any([signal, timeout]),
        ...(socketPath === undefined ? {} : { socketPath }),
        headers: {
          ...headers,
          accept: 'application/json',
          // Asked to close, slurmrestd writes a header behind its answer (seen with 22.05). So it is not, and we close.
          connection: 'keep-alive',
          ...(content === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(content) }),
        },
      })
      let isConnected = false
      request.once('socket', (socket) => socket.once('connect', () => (isConnected = true)))
      const fail = (error: unknown) => {
        if (signal.aborted) reject(signal.reason)
        else reject(describeFailure(url, error, { isConnected, isLate: timeout.aborted }))
      }
      readAnswer(request)
        .then(resolve, fail)
        .finally(() => request.destroy())
      request.end(content)
    })
  }
}

/** The first answer alone: with an error, slurmrestd sends a second one behind it (seen with 26.05). */
function readAnswer(request: ClientRequest): Promise<RestAnswer> {
  return new Promise((resolve, reject) => {
    let answer: IncomingMessage | undefined
    request.on('error', (error) => {
      if (answer?.complete !== true) reject(error)
    })
    request.once('response', (response) => {
      answer = response
      readBody(response).then((text) => resolve(parseAnswer(response.statusCode ?? 0, text)), reject)
    })
  })
}

async function readBody(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of response as AsyncIterable<Buffer>) {
    length += part.length
    if (length > mostAnswerBytes) throw new Error('its answer is too long')
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

function parseAnswer(status: number, text: string): RestAnswer {
  try {
    return { status, json: JSON.parse(text), text: '' }
  } catch {
    return { status, json: undefined, text: text.slice(0, longestText) }
  }
}

function describeFailure(
  url: string,
  error: unknown,
  { isConnected, isLate }: { isConnected: boolean; isLate: boolean },
): RestFailure {
  const options = { mayHaveArrived: isConnected, cause: error }
  if (isLate) return new RestFailure(`${url} took too long`, options)
  const words = error instanceof Error ? error.message || error.name : String(error)
  return new RestFailure(`${url}: ${words}`, options)
}
