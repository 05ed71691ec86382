import { setTimeout as sleep } from 'node:timers/promises'

import { PlatformError } from '@atrium/contract/errors.ts'
import { fetch, type Response } from 'undici'

import { createKubeConnections } from './kube-connection.ts'

/** What the API server answered instead of what was asked for: `Status` of its API. */
export class KubeRefusal extends Error {
  readonly status: number
  /** Stable: `AlreadyExists`, `Forbidden`, `Invalid`. */
  readonly reason: string

  constructor(status: number, reason: string, message: string) {
    super(message)
    this.status = status
    this.reason = reason
  }
}

type Query = Readonly<Record<string, string | number | boolean | undefined>>

export interface KubeRequest {
  query?: Query
  body?: unknown
  /** Default `application/json`. */
  contentType?: string
  signal: AbortSignal
}

/** The API server over HTTP: authentication and TLS are the official client's, what is asked is said here. */
export interface KubeClient {
  /** The answer as JSON. Throws `KubeRefusal`, or `scheduler_unavailable` when there is none in time. */
  call<T>(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, request: KubeRequest): Promise<T>
  /** The answer as it comes, for watches and logs: no time limit but the caller's. Throws as `call`. */
  stream(path: string, request: KubeRequest): Promise<AsyncIterable<Uint8Array>>
}

/** See `createKubeConnections` for where it is and as whom it is asked. */
export function createKubeClient({
  callTimeoutMs,
  ...source
}: {
  kubeconfig?: string
  /** Default: the file's current one. */
  context?: string
  callTimeoutMs: number
}): KubeClient {
  const connections = createKubeConnections(source)

  async function send(method: string, path: string, request: KubeRequest): Promise<Response> {
    const { server, headers, dispatcher } = await connections.current()
    const url = new URL(server + path)
    for (const [name, value] of Object.entries(request.query ?? {}))
      if (value !== undefined) url.searchParams.set(name, String(value))
    const { body, contentType = 'application/json', signal } = request
    return await fetch(url, {
      method,
      signal,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': contentType }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(dispatcher === undefined ? {} : { dispatcher }),
    }).catch((error: unknown) => {
      // It may have moved.
      connections.distrust()
      throw error
    })
  }

  /** Waits as long as an overloaded server asks for, and proves itself anew once when what it had was refused: tokens are replaced in time. */
  async function ask(method: string, path: string, request: KubeRequest): Promise<Response> {
    for (let tries = 1; ; tries++) {
      const response = await send(method, path, request)
      if (response.ok) return response
      const waitMs = findWait(response, tries)
      if (waitMs === undefined) throw await readRefusal(response)
      await response.body?.cancel()
      if (response.status === unproven) connections.distrust()
      await sleep(waitMs, undefined, { signal: request.signal })
    }
  }

  return {
    async call<T>(method: string, path: string, request: KubeRequest): Promise<T> {
      const signal = AbortSignal.any([request.signal, AbortSignal.timeout(callTimeoutMs)])
      try {
        const response = await ask(method, path, { ...request, signal })
        return (await response.json()) as T
      } catch (error) {
        request.signal.throwIfAborted()
        throw explain(error)
      }
    },
    async stream(path, request) {
      // Only until it begins: it may last as long as the caller wants.
      const late = new AbortController()
      const timer = setTimeout(() => late.abort(), callTimeoutMs)
      try {
        const signal = AbortSignal.any([request.signal, late.signal])
        const { body } = await ask('GET', path, { ...request, signal })
        return (body ?? []) as AsyncIterable<Uint8Array>
      } catch (error) {
        request.signal.throwIfAborted()
        throw explain(error)
      } finally {
        clearTimeout(timer)
      }
    },
  }
}

const unproven = 401
const overloaded = 429
const usualWaitMs = 1000

/**
 * How long to leave the server alone before the same again; undefined: that would not help. What API Priority and Fairness turns away was
 * not begun, so that anything may be repeated (https://kubernetes.io/docs/concepts/cluster-administration/flow-control/).
 */
function findWait({ status, headers }: Response, tries: number): number | undefined {
  if (status === unproven) return tries === 1 ? 0 : undefined
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  if (status !== overloaded && !(status >= 500 && seconds >= 0)) return undefined
  const waitMs = Number.isFinite(seconds) ? seconds * 1000 : usualWaitMs
  // Those that were turned away together do not come back together.
  return waitMs * (1 + Math.random() / 2) + tries * 100
}

async function readRefusal(response: Response): Promise<KubeRefusal> {
  const text = await response.text()
  try {
    const { reason, message } = JSON.parse(text) as { reason?: string; message?: string }
    return new KubeRefusal(response.status, reason ?? '', message ?? text)
  } catch {
    return new KubeRefusal(response.status, '', text.slice(0, 500))
  }
}

/** A server that is overloaded or half up is as good as away; that it refuses is an answer. */
function explain(error: unknown): unknown {
  if (!(error instanceof KubeRefusal))
    return buildUnavailable('The Kubernetes API server does not answer.', error)
  if (error.status === unproven)
    return buildUnavailable(`The Kubernetes API server does not know us (any more): ${error.message}`, error)
  if (error.status < 500 && error.status !== overloaded) return error
  return buildUnavailable(`The Kubernetes API server is in trouble: ${error.message}`, error)
}

function buildUnavailable(message: string, cause: unknown): PlatformError {
  return new PlatformError('scheduler_unavailable', { message, cause })
}
