import { Type } from 'typebox'

import { defineRoute, type Route, type RouteReply, type RouteRequest } from '#http/define-route.ts'
import type { PortalPages } from '#http/portal/portal-pages.ts'
import type { AuthorizationAnswer } from '#oauth/endpoints/authorize.ts'
import type { OauthProvider } from '#oauth/oauth.ts'
import { OauthError } from '#oauth/oauth-error.ts'

export interface OauthRoutesOptions {
  oauth: OauthProvider
  pages: PortalPages
}

const authorizePath = '/hub/api/oauth2/authorize'
const ownCheck = 'The endpoint asks whether the user may open the application.'

const tokenAnswerSchema = Type.Object({
  access_token: Type.String(),
  expires_in: Type.Integer({ description: 'Seconds.' }),
  token_type: Type.Literal('Bearer'),
  scope: Type.String({ description: 'Separated by spaces.' }),
})

const tokenErrorSchema = Type.Object({
  error: Type.String(),
  error_description: Type.Optional(Type.String()),
})

/** The OAuth 2 endpoints where JupyterHub has them. */
export function createOauthRoutes(options: OauthRoutesOptions): Route[] {
  return [askRoute(options), grantRoute(options), tokenRoute(options)]
}

function askRoute({ oauth, pages }: OauthRoutesOptions): Route {
  return defineRoute({
    method: 'GET',
    path: authorizePath,
    summary: 'Asks the user whether an application may have a token, and sends the browser back with a code.',
    tag: 'oauth',
    authentication: 'session',
    access: { open: ownCheck },
    answers: 'page',
    schemas: { responses: { 200: Type.String(), 302: null } },
    async handler(request, reply) {
      const { principal, raw } = request
      const answer = await oauth.authorize.ask(readQuery(request), { principal, host: raw.host })
      return sendAnswer(pages, request, reply, answer)
    },
  })
}

function grantRoute({ oauth, pages }: OauthRoutesOptions): Route {
  return defineRoute({
    method: 'POST',
    path: authorizePath,
    summary: "The user's yes: sends the browser back to the application with a code.",
    tag: 'oauth',
    authentication: 'session',
    access: { open: ownCheck },
    answers: 'page',
    accepts: 'form',
    checkedBy: 'handler',
    schemas: {
      body: Type.Object({ scopes: Type.Optional(Type.Array(Type.String())) }),
      responses: { 302: null },
    },
    async handler(request, reply) {
      const { principal, raw } = request
      const granted = readList((request.body as Record<string, unknown> | undefined)?.['scopes'])
      const answer = await oauth.authorize.grant(readQuery(request), granted, { principal, host: raw.host })
      return sendAnswer(pages, request, reply, answer)
    },
  })
}

function tokenRoute({ oauth }: OauthRoutesOptions): Route {
  return defineRoute({
    method: 'POST',
    path: '/hub/api/oauth2/token',
    summary: 'Changes an authorization code for a token.',
    tag: 'oauth',
    authentication: 'none',
    access: { open: 'The application shows its own id and secret.' },
    accepts: 'raw',
    checkedBy: 'handler',
    schemas: {
      body: Type.String({ description: 'application/x-www-form-urlencoded, RFC 6749 section 4.1.3' }),
      responses: { 200: tokenAnswerSchema, 400: tokenErrorSchema, 401: tokenErrorSchema },
    },
    async handler(request, reply) {
      // RFC 6749 section 5.1: both, whatever comes.
      reply.headers({ 'cache-control': 'no-store', pragma: 'no-cache' })
      try {
        const body = new URLSearchParams(String(request.body ?? ''))
        return await oauth.token(body, request.raw.headers.authorization)
      } catch (error) {
        if (!(error instanceof OauthError)) throw error
        request.log.info({ error: error.code, detail: error.detail }, 'token refused')
        return sendTokenError(request, reply, error)
      }
    },
  })
}

/** RFC 6749 section 5.2: a client that tried Basic is told of Basic; JupyterHub answers the others with `Bearer`. */
function sendTokenError(request: RouteRequest, reply: RouteReply, error: OauthError): Record<string, string> {
  reply.code(error.status)
  if (error.status === 401) {
    const usedBasic = /^basic /i.test(request.raw.headers.authorization ?? '')
    reply.header('www-authenticate', usedBasic ? 'Basic realm="oauth2"' : `Bearer error="${error.code}"`)
  }
  return error.toParameters()
}

function sendAnswer(
  pages: PortalPages,
  request: RouteRequest,
  reply: RouteReply,
  answer: AuthorizationAnswer,
): Promise<string> | RouteReply {
  if (answer.kind === 'redirect') return reply.redirect(answer.location)
  const { consent, redirectUri } = answer
  const formTarget = redirectUri.startsWith('/') ? undefined : new URL(redirectUri).origin
  return pages.render(request, reply, { kind: 'consent', consent }, { formTarget })
}

/** As it came: repeated parameters must be seen. */
function readQuery({ raw }: RouteRequest): URLSearchParams {
  const start = raw.url.indexOf('?')
  return new URLSearchParams(start < 0 ? '' : raw.url.slice(start + 1))
}

function readList(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}
