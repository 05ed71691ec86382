import { signInRequestSchema, signInResponseSchema } from '@atrium/contract/account-api.ts'

import type { BrowserSignIn } from '#http/browser-sign-in.ts'
import { defineRoute, type Route } from '#http/define-route.ts'

/** Signing in and out for scripts of the portal. */
export function createSessionRoutes({ signIn }: { signIn: BrowserSignIn }): Route[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/api/v1/session',
      summary: 'Signs this browser in by user name and password.',
      tag: 'account',
      authentication: 'optional',
      access: { open: 'Everybody may sign in.' },
      xsrf: 'always',
      schemas: { body: signInRequestSchema, responses: { 200: signInResponseSchema } },
      async handler(request, reply) {
        const { username, password, next } = request.body
        return { redirect: await signIn.byPassword(request, reply, username.trim(), password, next) }
      },
    }),
    defineRoute({
      method: 'DELETE',
      path: '/api/v1/session',
      summary: 'Signs this browser out, with all tokens that were given to it.',
      tag: 'account',
      authentication: 'optional',
      access: { open: 'Ends only the session that the browser brings.' },
      schemas: { responses: { 200: signInResponseSchema } },
      async handler(request, reply) {
        await signIn.end(request, reply)
        return { redirect: '/hub/login' }
      },
    }),
  ]
}
