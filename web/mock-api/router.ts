import type { MockState, MockUser } from './mock-state.ts'

/** What a handler is given. */
export interface MockRequest {
  method: string
  url: URL
  /** Decoded parts of the path that the pattern names. */
  params: Readonly<Record<string, string>>
  body: Readonly<Record<string, unknown>>
  headers: Headers
  signal: AbortSignal
  /** Who is signed in. */
  user: MockUser | undefined
  state: MockState
  nowMs: number
}

/** Answers a request: an object becomes JSON, undefined an empty 204. */
export type MockHandler = (request: MockRequest) => unknown

/** By method and path pattern: `'GET /hub/api/users/:user'`. */
export type MockRoutes = Readonly<Record<string, MockHandler>>

/** What a handler throws to answer an error. */
export class MockError extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** The handler of a request and the named parts of its path. */
export function findHandler(
  routes: MockRoutes,
  method: string,
  pathname: string,
): { handler: MockHandler; params: Record<string, string> } | undefined {
  for (const [pattern, handler] of Object.entries(routes)) {
    const [wanted, path = ''] = pattern.split(' ')
    const params = wanted === method ? matchPath(path, pathname) : undefined
    if (params) return { handler, params }
  }
  return undefined
}

function matchPath(pattern: string, pathname: string): Record<string, string> | undefined {
  const wanted = pattern.split('/')
  const given = pathname.split('/')
  if (wanted.length !== given.length) return undefined
  const params: Record<string, string> = {}
  for (const [index, part] of wanted.entries()) {
    const value = given[index] ?? ''
    if (part.startsWith(':')) params[part.slice(1)] = decodeURIComponent(value)
    else if (part !== value) return undefined
  }
  return params
}
