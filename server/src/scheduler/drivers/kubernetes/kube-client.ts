import { PlatformError } from '@atrium/contract/errors.ts'
import { HttpMethod, KubeConfig, RequestContext } from '@kubernetes/client-node'
import { fetch, type Response } from 'undici'

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

/** `kubeconfig`: a file; absent: what a pod is given (https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/). */
export function createKubeClient({
  kubeconfig,
  context,
  callTimeoutMs,
}: {
  kubeconfig?: string
  /** Default: the file's current one. */
  context?: string
  callTimeoutMs: number
}): KubeClient {
  const config = new KubeConfig()
  if (kubeconfig === undefined) config.loadFromCluster()
  else config.loadFromFile(kubeconfig)
  if (context !== undefined) config.setCurrentContext(context)
  const server = config.getCurrentCluster()?.server
  if (server === undefined) {
    const which =
      context === undefined ? 'no cluster as its current one' : `no cluster of the context ${context}`
    throw new PlatformError('bad_request', { message: `${kubeconfig} names ${which}.` })
  }

  async function send(method: string, path: string, request: KubeRequest): Promise<Response> {
    const url = new URL(server + path)
    for (const [name, value] of Object.entries(request.query ?? {}))
      if (value !== undefined) url.searchParams.set(name, String(value))
    const authenticated = new RequestContext(url.toString(), HttpMethod.GET)
    await config.applySecurityAuthentication(authenticated)
    const { body, contentType = 'application/json', signal } = request
    const response = await fetch(url, {
      method,
      signal,
      headers: {
        ...authenticated.getHeaders(),
        ...(body === undefined ? {} : { 'content-type': contentType }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      dispatcher: authenticated.getDispatcher() as never,
    })
    if (!response.ok) throw await readRefusal(response)
    return response
  }

  return {
    async call<T>(method: string, path: string, request: KubeRequest): Promise<T> {
      const signal = AbortSignal.any([request.signal, AbortSignal.timeout(callTimeoutMs)])
      try {
        const response = await send(method, path, { ...request, signal })
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
        const { body } = await send('GET', path, { ...request, signal })
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
  if (error instanceof KubeRefusal && error.status < 500 && error.status !== 429) return error
  return new PlatformError('scheduler_unavailable', {
    message: 'The Kubernetes API server does not answer.',
    cause: error,
  })
}
