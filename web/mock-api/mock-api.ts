import type { PortalPage } from '@atrium/contract/portal-page.ts'

import { accountRoutes } from './handlers/account.ts'
import { clusterRoutes } from './handlers/clusters.ts'
import { operationRoutes } from './handlers/operations.ts'
import { runRoutes } from './handlers/runs.ts'
import { serverRoutes } from './handlers/servers.ts'
import { tokenRoutes } from './handlers/tokens.ts'
import { usageRoutes } from './handlers/usage.ts'
import { userRoutes } from './handlers/users.ts'
import { buildMockPage } from './mock-page.ts'
import type { MockState, MockUser } from './mock-state.ts'
import { findHandler, MockError, type MockRoutes } from './router.ts'
import { createMockState } from './seed.ts'

/** The platform in memory, for looking at the portal without one, and for the tests of its pages. */
export interface MockApi {
  /** For tests to look into or change. */
  readonly state: MockState
  /** The answer to an API request; undefined when the path is no API's. */
  answer(request: Request): Promise<Response | undefined>
  /** The data of the page at this address for whoever asks. A redirect where nobody is signed in. */
  page(request: Request): PortalPage | Response
}

const routes: MockRoutes = {
  ...accountRoutes,
  ...serverRoutes,
  ...userRoutes,
  ...tokenRoutes,
  ...operationRoutes,
  ...clusterRoutes,
  ...runRoutes,
  ...usageRoutes,
}

const openPages = ['/hub/login', '/hub/first-visit', '/hub/invitation', '/hub/set-password']
const openPaths = ['/api/v1/session', '/api/v1/links/inspect', '/api/v1/links/use']

export function createMockApi(): MockApi {
  const state = createMockState(Date.now())
  return {
    state,
    async answer(request) {
      const url = new URL(request.url)
      const found = findHandler(routes, request.method, url.pathname)
      if (!found)
        return isApiPath(url.pathname) ? fail(new MockError(404, 'not_found', 'No such path.')) : undefined
      try {
        const user = findCaller(request, state)
        check(request, url, user, state)
        const body = await readBody(request)
        const { headers, method, signal } = request
        const context = {
          method,
          url,
          params: found.params,
          body,
          headers,
          signal,
          user,
          state,
          nowMs: Date.now(),
        }
        return respond(await found.handler(context))
      } catch (error) {
        return fail(error)
      }
    },
    page(request) {
      const url = new URL(request.url)
      const user = findCaller(request, state)
      if (!user && !openPages.includes(url.pathname)) {
        const next = encodeURIComponent(url.pathname + url.search)
        return new Response(null, { status: 302, headers: { location: `/hub/login?next=${next}` } })
      }
      const groups = state.groups.filter((group) => user && group.users.includes(user.name))
      return buildMockPage(
        url,
        user,
        groups.map((group) => group.name),
      )
    },
  }
}

function isApiPath(path: string): boolean {
  return path.startsWith('/api/') || (path.startsWith('/hub/api/') && path !== '/hub/api/oauth2/authorize')
}

function check(request: Request, url: URL, user: MockUser | undefined, state: MockState): void {
  if (state.isDown) throw new MockError(503, 'scheduler_unavailable', 'The platform is starting.')
  if (!user && !openPaths.includes(url.pathname) && url.pathname !== '/hub/logout') {
    throw new MockError(403, 'unauthenticated', 'Missing or invalid credentials.')
  }
  if (url.pathname !== '/hub/logout' && request.headers.get('x-xsrftoken') !== 'mock-xsrf') {
    throw new MockError(403, 'xsrf_failed', "'_xsrf' argument missing")
  }
}

function findCaller(request: Request, state: MockState): MockUser | undefined {
  const name = /(?:^|; )mock-user=([^;]+)/.exec(request.headers.get('cookie') ?? '')?.[1]
  return state.users.find((user) => user.name === decodeURIComponent(name ?? ''))
}

async function readBody(request: Request): Promise<Record<string, unknown>> {
  const text = await request.text()
  return text ? (JSON.parse(text) as Record<string, unknown>) : {}
}

function respond(answer: unknown): Response {
  if (answer instanceof Response) return answer
  return answer === undefined ? new Response(null, { status: 204 }) : Response.json(answer)
}

function fail(error: unknown): Response {
  const known = error instanceof MockError ? error : new MockError(500, 'internal', String(error))
  const { status, code, message } = known
  return Response.json({ status, code, message }, { status })
}
