import { type ErrorCode, errorTable } from '@atrium/contract/errors.ts'

import { portalPage } from '#page-data.ts'

/** An answer that was no success, or no answer at all. `message` is for people. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  /** 0: nobody answered. */
  readonly status: number
  /** Of Atrium's error table where the answer said it. */
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }

  /** Trying again later can help: nobody is there, or the platform is not ready. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504
  }

  /** The session has ended. */
  get needsSignIn(): boolean {
    return this.status === 401 || this.code === 'unauthenticated' || this.code === 'login_required'
  }
}

export interface RequestOptions {
  /** Sent as JSON. */
  body?: unknown
  query?: Readonly<Record<string, string | number | boolean | undefined>>
  accept?: string
  /** The answer comes at once, and not when what is asked for is done (RFC 7240). */
  isAsync?: boolean
  signal?: AbortSignal
}

/** Asks the server and answers its JSON; nothing for an empty answer. Throws `ApiError`. */
export async function request<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
  const response = await send(method, path, options)
  const text = await response.text()
  return (text ? JSON.parse(text) : undefined) as T
}

/** The same for answers that are read as they come. */
export async function requestStream(
  path: string,
  options: RequestOptions = {},
): Promise<ReadableStream<Uint8Array>> {
  const response = await send('GET', path, { accept: 'text/plain', ...options })
  return response.body ?? new ReadableStream()
}

async function send(method: string, path: string, options: RequestOptions): Promise<Response> {
  const { body, query, accept = 'application/json', isAsync = false, signal } = options
  // Reads need the token too, as in JupyterHub: a script in a user's server has the same origin and cookies.
  const headers: Record<string, string> = { accept, 'x-xsrftoken': portalPage.xsrfToken }
  if (body !== undefined) headers['content-type'] = 'application/json'
  if (isAsync) headers['prefer'] = 'respond-async'
  let response: Response
  try {
    response = await fetch(buildUrl(path, query), {
      method,
      headers,
      credentials: 'same-origin',
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    })
  } catch (error) {
    if (signal?.aborted) throw error
    throw new ApiError(0, 'offline', 'The platform does not answer. Check your connection and try again.')
  }
  if (!response.ok) throw await buildError(response)
  return response
}

function buildUrl(path: string, query: RequestOptions['query'] = {}): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') parameters.set(name, String(value))
  }
  const text = parameters.toString()
  if (!text) return path
  return `${path}${path.includes('?') ? '&' : '?'}${text}`
}

async function buildError(response: Response): Promise<ApiError> {
  const answer: unknown = await response.json().catch(() => undefined)
  const { code = 'unknown', message } = isErrorAnswer(answer) ? answer : {}
  // JupyterHub's API often says no more than the status does.
  const isSaid = message !== undefined && message !== '' && message !== response.statusText
  return new ApiError(response.status, code, isSaid ? message : describeCode(code, response.status))
}

function describeCode(code: string, status: number): string {
  if (Object.hasOwn(errorTable, code)) return errorTable[code as ErrorCode].message
  return `The platform answered with an error (${status}).`
}

function isErrorAnswer(answer: unknown): answer is { code?: string; message?: string } {
  return typeof answer === 'object' && answer !== null
}

/** What to tell a person of a failure. */
export function messageOf(error: unknown): string {
  return error instanceof ApiError
    ? error.message
    : 'Something went wrong in this page. Reload it and try again.'
}
