import { randomBytes } from 'node:crypto'

import { sessionCookieName } from '@atrium/contract/cookies.ts'
import { PlatformError } from '@atrium/contract/errors.ts'
import fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
  type onSendHookHandler,
} from 'fastify'
import type { Logger } from 'pino'

import type { Principals } from '#identity/principals.ts'
import { createAccessLog } from './access-log.ts'
import { createFindPrincipal, type FindPrincipal } from './authenticate-request.ts'
import { buildGatewayError, isGatewayPath } from './dask-gateway-protocol.ts'
import type { Route } from './define-route.ts'
import { buildErrorBody, isApiPath, toPlatformError } from './error-reply.ts'
import { registerRoute } from './register-route.ts'
import { createRouteTable } from './route-table.ts'
import { apiHeaders, pageHeaders } from './security-headers.ts'
import { createXsrf } from './xsrf.ts'

const defaultBodyLimitBytes = 1024 * 1024
const longestParameter = 1024
/** After it was told to close, longer than anything but a stream takes; streams are resumed elsewhere. */
const closeWithinMs = 12_000

type SchemaCompilers = NonNullable<NonNullable<FastifyServerOptions['schemaController']>['compilersFactory']>

/**
 * Routes check what comes by themselves: Fastify would load two schema compilers, some 10 MB, to compile nothing. The types are those of
 * compilers' products, of which none is ever asked for.
 */
const noCompilers = {
  buildValidator: () => () => () => true,
  buildSerializer: () => () => JSON.stringify,
} as unknown as SchemaCompilers

export interface AppOptions {
  readonly routes: readonly Route[]
  readonly principals: Pick<Principals, 'findByToken' | 'findBySession'>
  /** 32 secret bytes, the same on all replicas. */
  readonly xsrfKey: Buffer
  /** Browsers come over https. */
  readonly secure: boolean
  readonly log: Logger
  /** What answers wait for, so that what they say holds everywhere when they are out; undefined: nothing. */
  readonly whenChangesHold?: () => Promise<void> | undefined
  /** The page for an error at a path that is not the API's; plain text without it. */
  readonly renderErrorPage?: (error: PlatformError, request: FastifyRequest, reply: FastifyReply) => string
  /** A path that no route has and that is not the API's: answers where to send the browser, or undefined for 404. */
  readonly findRedirect?: (path: string) => string | undefined
  /** For tests: throws when an answer is not what the route's schema says. */
  readonly checkAnswer?: (route: Route, status: number, payload: unknown) => void
  /** For tests: told of everything that Fastify's router is given, `GET /hub/home`. */
  readonly onRegistered?: (route: string) => void
}

/**
 * The control plane's HTTP side. It listens behind the edge, which alone reaches it and sets `X-Forwarded-*`: these are believed.
 * Call `listen` or `inject` on what it answers.
 */
export function createApp(options: AppOptions): FastifyInstance {
  const { routes, principals, secure, log } = options
  const app = fastify({
    logger: false,
    trustProxy: true,
    bodyLimit: defaultBodyLimitBytes,
    genReqId: createRequestIds(),
    routerOptions: { maxParamLength: longestParameter },
    schemaController: { compilersFactory: noCompilers },
  })
  app.decorateRequest('principal', undefined)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  app.addHook('onRoute', ({ method, url }) => options.onRegistered?.(`${method} ${url}`))
  app.addHook('onResponse', createAccessLog(log))
  if (options.whenChangesHold !== undefined) app.addHook('onSend', createHold(options.whenChangesHold))
  const closing = announceClosing(app)
  const sendError = createErrorSender(options)
  app.setErrorHandler((error, request, reply) => sendError(toPlatformError(error), request, reply))
  const findPrincipal = createFindPrincipal(principals, sessionCookieName(secure))
  app.setNotFoundHandler(createUnmatchedHandler(options, { findPrincipal, sendError }))
  const registrar = {
    xsrf: createXsrf({ key: options.xsrfKey, secure }),
    log,
    findPrincipal,
    closing,
    ...(options.checkAnswer === undefined ? {} : { checkAnswer: options.checkAnswer }),
  }
  for (const route of routes) registerRoute(app, route, registrar)
  return app
}

/**
 * Aborted once the app is to close: who waits for something answers as it is. Connections end with their answers, since one that is kept alive
 * would keep the process for more than a minute, and what goes on for longer is broken off.
 */
function announceClosing(app: FastifyInstance): AbortSignal {
  const closing = new AbortController()
  app.addHook('preClose', async () => {
    closing.abort()
    setTimeout(() => app.server.closeAllConnections(), closeWithinMs).unref()
  })
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (closing.signal.aborted) reply.header('connection', 'close')
    done(null, payload)
  })
  return closing.signal
}

/** A token opens its owner's server, and one that was revoked opens none, from the answer on that says so. */
function createHold(whenChangesHold: () => Promise<void> | undefined): onSendHookHandler {
  return (_request, _reply, payload, done) => {
    const holding = whenChangesHold()
    if (holding === undefined) done(null, payload)
    else holding.then(() => done(null, payload), done)
  }
}

type SendError = (error: PlatformError, request: FastifyRequest, reply: FastifyReply) => FastifyReply

function createErrorSender({ log, renderErrorPage }: AppOptions): SendError {
  return (error, request, reply) => {
    if (error.status >= 500)
      log.error({ request_id: request.id, err: error.cause ?? error, detail: error.detail }, 'request failed')
    if (speaksGateway(request)) {
      const { status, headers, body } = buildGatewayError(error)
      return reply.code(status).headers(apiHeaders).headers(headers).send(body)
    }
    reply.code(error.status)
    if (error.code === 'too_many_requests') reply.header('retry-after', '5')
    if (wantsJson(request)) return reply.headers(apiHeaders).send(buildErrorBody(error, request.url))
    return reply
      .headers(pageHeaders)
      .type('text/html; charset=utf-8')
      .send(renderErrorPage?.(error, request, reply) ?? `<!doctype html><title>${error.status}</title>`)
  }
}

function speaksGateway(request: FastifyRequest): boolean {
  const { route } = request.routeOptions.config
  return route === undefined ? isGatewayPath(request.url) : route.protocol === 'dask-gateway'
}

function wantsJson(request: FastifyRequest): boolean {
  const { route } = request.routeOptions.config
  return route === undefined ? isApiPath(request.url) : route.answers !== 'page'
}

/** No route: another method of a known path, a link that other tools made, or nothing. */
function createUnmatchedHandler(
  { routes, findRedirect }: AppOptions,
  { findPrincipal, sendError }: { findPrincipal: FindPrincipal; sendError: SendError },
) {
  const table = createRouteTable(routes)
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const [path = '/'] = request.url.split('?', 1)
    const methods = table.methodsFor(path)
    if (methods.length > 0) {
      reply.header('allow', [...methods, 'OPTIONS'].join(', '))
      if (request.method === 'OPTIONS') return reply.headers(apiHeaders).type('application/json').send('')
      return sendError(new PlatformError('method_not_allowed'), request, reply)
    }
    const isApi = isApiPath(path) || isGatewayPath(path)
    const redirect = isApi ? undefined : findRedirect?.(request.url)
    if (redirect !== undefined) return reply.headers(pageHeaders).redirect(redirect)
    // The page that says so offers the way home, or to the sign-in.
    if (!isApi) request.principal = await findPrincipal(request, 'session')
    return sendError(new PlatformError('not_found'), request, reply)
  }
}

/** Short, and different between processes. */
function createRequestIds(): () => string {
  const prefix = randomBytes(4).toString('hex')
  let count = 0
  return () => `${prefix}-${(count++).toString(36)}`
}

declare module 'fastify' {
  interface FastifyContextConfig {
    route?: Route
  }
}
