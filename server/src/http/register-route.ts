import { PlatformError } from '@atrium/contract/errors.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify'

import type { Principal } from '#identity/principal.ts'
import { type FindPrincipal, isSessionPrincipal } from './authenticate-request.ts'
import { authorizeRequest } from './authorize-request.ts'
import type { Route } from './define-route.ts'
import { isJson, parseBody } from './read-body.ts'
import { RouteContext, type RouteTools } from './route-context.ts'
import { apiHeaders, pageHeaders } from './security-headers.ts'
import { parseBodyValue, parseTextValues } from './validate-request.ts'
import { isHarmlessRead } from './xsrf.ts'

/** What registering needs besides the route. */
export interface RouteRegistrar extends Omit<RouteTools, 'findAllowed'> {
  readonly findPrincipal: FindPrincipal
  /** For tests: throws when an answer is not what the route's schema says. */
  readonly checkAnswer?: (route: Route, status: number, payload: unknown) => void
}

/**
 * Puts a route on Fastify. In order: who asks, XSRF, whether they may, the body, whether it fits the schema, the handler. What comes before
 * the body runs without a promise when the credential is in memory.
 */
export function registerRoute(app: FastifyInstance, route: Route, registrar: RouteRegistrar): void {
  const tools = { ...registrar, findAllowed: buildRecheck(route, registrar) }
  app.route({
    method: route.method,
    url: route.path,
    ...(route.bodyLimitBytes === undefined ? {} : { bodyLimit: route.bodyLimitBytes }),
    config: { route },
    onRequest: buildGuard(route, registrar),
    ...(hasInput(route) ? { preValidation: buildInputReader(route, registrar) } : {}),
    handler: (request, reply) => route.handler(new RouteContext(request, reply, tools) as never, reply),
    ...buildAnswerCheck(route, registrar),
  })
}

/** Everything before the body is read. */
function buildGuard(route: Route, registrar: RouteRegistrar): onRequestHookHandler {
  const headers = route.answers === 'page' ? pageHeaders : apiHeaders
  return function guard(request, reply, done) {
    reply.headers(headers)
    const admit = (found: Principal | undefined) => {
      const principal = found !== undefined && isUsable(found, route, request) ? found : undefined
      if (principal === undefined && sendsToSignIn(route, request)) {
        reply.redirect(`/hub/login?next=${encodeURIComponent(request.url)}`)
        return
      }
      done(findRefusal(() => admitPrincipal(route, registrar, request, principal)))
    }
    const found = registrar.findPrincipal(request, route.authentication)
    if (found instanceof Promise) found.then(admit, done)
    else admit(found)
  }
}

/** Throws unless the principal, or nobody, may go on. */
function admitPrincipal(
  route: Route,
  { xsrf }: RouteRegistrar,
  request: FastifyRequest,
  principal: Principal | undefined,
): void {
  request.principal = principal
  if (principal === undefined && isClosed(route)) throw new PlatformError('unauthenticated')
  if (!readsTokenFromForm(route)) checkXsrf(route, { xsrf }, request)
  if (principal !== undefined) authorizeRequest(route.access, principal, request)
}

function buildRecheck(route: Route, { findPrincipal }: RouteRegistrar): RouteTools['findAllowed'] {
  return async (request) => {
    const principal = await findPrincipal(request, route.authentication)
    if (principal === undefined) return undefined
    const refusal = findRefusal(() => authorizeRequest(route.access, principal, request))
    return refusal === undefined ? principal : undefined
  }
}

/** Fastify wants errors handed over; outside of this the callback would run the rest of the request in our `try`. */
function findRefusal(check: () => void): Error | undefined {
  try {
    check()
    return undefined
  } catch (error) {
    return error as Error
  }
}

function isClosed({ authentication }: Route): boolean {
  return authentication === 'session' || authentication === 'token-or-session' || authentication === 'token'
}

function sendsToSignIn(route: Route, request: FastifyRequest): boolean {
  return (
    isClosed(route) && route.answers === 'page' && (request.method === 'GET' || request.method === 'HEAD')
  )
}

/** As in JupyterHub, what a browser posts to the API by its session must be JSON: forms of other sites cannot be. */
function isUsable(principal: Principal, route: Route, request: FastifyRequest): boolean {
  const contentType = request.headers['content-type']
  if (contentType === undefined || isReading(request) || (route.accepts ?? 'json') !== 'json') return true
  return !isSessionPrincipal(principal) || isJson(contentType)
}

function checkXsrf(route: Route, { xsrf }: Pick<RouteRegistrar, 'xsrf'>, request: FastifyRequest): void {
  if (typeof route.xsrf === 'object') return
  const { principal } = request
  const allowAnonymous = route.xsrf === 'always'
  if (principal === undefined) {
    if (allowAnonymous) xsrf.check(request, undefined, { allowAnonymous })
    return
  }
  if (!isSessionPrincipal(principal)) return
  if (isReading(request) && (route.answers === 'page' || isHarmlessRead(request))) return
  xsrf.check(request, principal.credential.sessionId, { allowAnonymous })
}

/** The token may be a field of a form, which has not been read when the guard runs. */
function readsTokenFromForm({ accepts, method }: Route): boolean {
  return accepts === 'form' && method !== 'GET'
}

function isReading({ method }: FastifyRequest): boolean {
  return method === 'GET' || method === 'HEAD'
}

function hasInput({ method, schemas }: Route): boolean {
  return method !== 'GET' || schemas.params !== undefined || schemas.query !== undefined
}

/** Reads the body, and checks what came against the schemas. */
function buildInputReader(route: Route, registrar: RouteRegistrar) {
  const { params, query, body } = route.schemas
  return async function readInput(request: FastifyRequest): Promise<void> {
    if (!isReading(request)) {
      const text = typeof request.body === 'string' ? request.body : ''
      request.body = parseBody(text, route.accepts, request.headers['content-type'])
      if (readsTokenFromForm(route)) checkXsrf(route, registrar, request)
    }
    request.params = parseTextValues(params, request.params, 'path')
    if (route.checkedBy === 'handler') return
    request.query = parseTextValues(query, request.query, 'query')
    if (!isReading(request)) request.body = parseBodyValue(body, request.body)
  }
}

function buildAnswerCheck(route: Route, { checkAnswer }: RouteRegistrar) {
  if (checkAnswer === undefined) return {}
  return {
    preSerialization: async (_request: FastifyRequest, reply: FastifyReply, payload: unknown) => {
      checkAnswer(route, reply.statusCode, payload)
      return payload
    },
  }
}
