import { browserSessionSchema, changePasswordRequestSchema } from '@atrium/contract/account-api.ts'
import { PlatformError } from '@atrium/contract/errors.ts'
import { Type } from 'typebox'

import { defineRoute, type Route } from '#http/define-route.ts'
import type { Passwords } from '#identity/passwords.ts'
import type { Sessions } from '#identity/sessions.ts'
import type { User, Users } from '#identity/users.ts'

export interface AccountRoutesOptions {
  users: Pick<Users, 'get'>
  passwords: Pick<Passwords, 'verify' | 'setPassword'>
  sessions: Pick<Sessions, 'list' | 'endAll' | 'end'>
}

const own = "A person's own account, by their own browser: no token may change it."

/** A person's own password and signed-in browsers. */
export function createAccountRoutes(options: AccountRoutesOptions): Route[] {
  return [changePasswordRoute(options), listSessionsRoute(options), endSessionRoute(options)]
}

function changePasswordRoute({ users, passwords, sessions }: AccountRoutesOptions): Route {
  return defineRoute({
    method: 'POST',
    path: '/api/v1/account/password',
    summary: 'Changes the own password and signs all other browsers out.',
    tag: 'account',
    authentication: 'session',
    access: { open: own },
    schemas: { body: changePasswordRequestSchema, responses: { 204: null } },
    async handler(request, reply) {
      const { principal, body, remote } = request
      const user = await users.get(principal.name)
      await checkCurrentPassword(passwords, user, body.currentPassword, remote)
      await passwords.setPassword(user.id, body.newPassword, request.actor())
      await sessions.endAll(user.id, request.actor(), { except: principal.credential.sessionId })
      return reply.code(204).send()
    },
  })
}

/** An account that came by a one-time link or PAM has none yet. */
async function checkCurrentPassword(
  passwords: Pick<Passwords, 'verify'>,
  user: User,
  password: string | undefined,
  remote: string,
): Promise<void> {
  if (!user.hasPassword) return
  if (password === undefined || !(await passwords.verify(user, password, remote))) {
    throw new PlatformError('wrong_password', { message: 'The current password is wrong.' })
  }
}

function listSessionsRoute({ sessions }: AccountRoutesOptions): Route {
  return defineRoute({
    method: 'GET',
    path: '/api/v1/account/sessions',
    summary: 'The browsers one is signed in with.',
    tag: 'account',
    authentication: 'session',
    access: { open: own },
    schemas: { responses: { 200: Type.Array(browserSessionSchema) } },
    async handler({ principal }) {
      const list = await sessions.list(principal.id)
      return list.map(({ sessionId, createdAtMs, lastActivityAtMs, expiresAtMs, remote, userAgent }) => ({
        id: sessionId,
        current: sessionId === principal.credential.sessionId,
        createdAtMs,
        lastActivityAtMs,
        expiresAtMs,
        remote,
        userAgent,
      }))
    },
  })
}

function endSessionRoute({ sessions }: AccountRoutesOptions): Route {
  return defineRoute({
    method: 'DELETE',
    path: '/api/v1/account/sessions/:session',
    summary: 'Signs one of the own browsers out, with all tokens that were given to it.',
    tag: 'account',
    authentication: 'session',
    access: { open: own },
    schemas: { params: Type.Object({ session: Type.String() }), responses: { 204: null } },
    async handler(request, reply) {
      await sessions.end(request.principal.id, request.params.session, request.actor())
      return reply.code(204).send()
    },
  })
}
