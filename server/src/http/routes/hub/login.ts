import { isPlatformError } from '@atrium/contract/errors.ts'
import { Type } from 'typebox'

import { isSessionPrincipal } from '#http/authenticate-request.ts'
import type { BrowserSignIn } from '#http/browser-sign-in.ts'
import { defineRoute, type Route, type RouteRequest } from '#http/define-route.ts'
import type { PortalPages } from '#http/portal/portal-pages.ts'
import { assertRealVisit } from '#http/real-visit.ts'

export interface LoginRoutesOptions {
  signIn: BrowserSignIn
  pages: PortalPages
}

/** Signing in and out by JupyterHub's pages. */
export function createLoginRoutes(options: LoginRoutesOptions): Route[] {
  return [showLoginRoute(options), postLoginRoute(options), logoutRoute(options)]
}

function showLoginRoute({ signIn, pages }: LoginRoutesOptions): Route {
  return defineRoute({
    method: 'GET',
    path: '/hub/login',
    summary: 'The sign-in page; who is signed in already is sent on.',
    tag: 'pages',
    authentication: 'optional',
    access: { open: 'Everybody may sign in.' },
    answers: 'page',
    schemas: { responses: { 200: Type.String(), 302: null } },
    async handler(request, reply) {
      const { principal } = request
      if (principal !== undefined && isSessionPrincipal(principal)) {
        return reply.redirect(await signIn.findDestination(request, principal.name))
      }
      return pages.render(request, reply, { kind: 'portal' })
    },
  })
}

function postLoginRoute({ signIn, pages }: LoginRoutesOptions): Route {
  return defineRoute({
    method: 'POST',
    path: '/hub/login',
    summary: 'Signs in by user name and password.',
    tag: 'pages',
    authentication: 'optional',
    access: { open: 'Everybody may sign in.' },
    xsrf: 'always',
    answers: 'page',
    accepts: 'form',
    checkedBy: 'handler',
    schemas: {
      body: Type.Object({ username: Type.String(), password: Type.String(), _xsrf: Type.String() }),
      responses: { 302: null, 403: Type.String(), 429: Type.String() },
    },
    async handler(request, reply) {
      try {
        const { username, password, next } = readForm(request)
        return reply.redirect(await signIn.byPassword(request, reply, username, password, next))
      } catch (error) {
        if (!isPlatformError(error, 'wrong_password') && !isPlatformError(error, 'too_many_requests'))
          throw error
        return pages.render(
          request,
          reply,
          { kind: 'portal' },
          { status: error.status, signInFailure: error.message },
        )
      }
    },
  })
}

/** JupyterHub signs out by GET. A link on another site can do no more with it than end the session. */
function logoutRoute({ signIn }: LoginRoutesOptions): Route {
  return defineRoute({
    method: 'GET',
    path: '/hub/logout',
    summary: 'Signs this browser out, with all tokens that were given to it.',
    tag: 'pages',
    authentication: 'optional',
    access: { open: 'Ends only the session that the browser brings.' },
    answers: 'page',
    schemas: { responses: { 302: null } },
    async handler(request, reply) {
      assertRealVisit(request.raw)
      await signIn.end(request, reply)
      return reply.redirect('/hub/login')
    },
  })
}

interface LoginForm {
  username: string
  password: string
  next: string | undefined
}

function readForm({ body }: Pick<RouteRequest, 'body'>): LoginForm {
  const fields = (body ?? {}) as Record<string, unknown>
  const text = (name: string) => (typeof fields[name] === 'string' ? fields[name] : '')
  return { username: text('username').trim(), password: text('password'), next: text('next') || undefined }
}
