import type { Passwords } from '#identity/passwords.ts'
import type { Principal } from '#identity/principal.ts'
import type { Sessions } from '#identity/sessions.ts'
import { isSessionPrincipal } from './authenticate-request.ts'
import type { RouteReply, RouteRequest } from './define-route.ts'
import { parseNextUrl } from './next-url.ts'
import type { SessionCookies } from './session-cookies.ts'

type SignInRequest = Pick<RouteRequest, 'raw' | 'remote' | 'userAgent' | 'origin' | 'xsrfToken'> & {
  readonly principal: Principal | undefined
}

/** Makes and ends the sessions of browsers, and knows where they go next. */
export interface BrowserSignIn {
  /** Answers where to go. Throws what `Passwords.signIn` throws. */
  byPassword(
    request: SignInRequest,
    reply: RouteReply,
    username: string,
    password: string,
    next?: string,
  ): Promise<string>
  /** For who has proved in another way who they are: a new session, whatever the browser brought (RFC 6265 section 8.4, session fixation). */
  start(
    request: SignInRequest,
    reply: RouteReply,
    user: { readonly id: number; readonly name: string },
  ): Promise<void>
  /** Ends the session the browser brought, if any, and takes its cookies. */
  end(request: SignInRequest, reply: RouteReply): Promise<void>
  /** `next`, where it is safe to follow, else where signed-in users land. It is read from the query unless given. */
  findDestination(request: SignInRequest, user: string, next?: string): Promise<string>
}

export interface BrowserSignInOptions {
  passwords: Pick<Passwords, 'signIn'>
  sessions: Pick<Sessions, 'create' | 'end'>
  cookies: SessionCookies
  /** Where a user without another destination goes. */
  findLanding(user: string): Promise<string>
}

export function createBrowserSignIn({
  passwords,
  sessions,
  cookies,
  findLanding,
}: BrowserSignInOptions): BrowserSignIn {
  const endSession = async ({ principal, remote }: SignInRequest) => {
    if (principal === undefined || !isSessionPrincipal(principal)) return
    const actor = { name: `user:${principal.name}`, remote }
    await sessions.end(principal.id, principal.credential.sessionId, actor)
  }
  const self: BrowserSignIn = {
    async byPassword(request, reply, username, password, next) {
      const user = await passwords.signIn(username, password, request.remote)
      await self.start(request, reply, user)
      return self.findDestination(request, user.name, next)
    },
    async start(request, reply, user) {
      await endSession(request)
      const { remote, userAgent } = request
      const { session, secret } = await sessions.create(user, { remote, userAgent })
      cookies.set(reply, { ...session, secret })
      // The token belongs to the session: scripts that sign in go on with the cookie of this answer.
      request.xsrfToken(session.sessionId)
    },
    async end(request, reply) {
      await endSession(request)
      cookies.clear(request.raw, reply)
    },
    async findDestination({ raw, origin }, user, next) {
      const query = new URLSearchParams(raw.url.split('?')[1])
      const destination = parseNextUrl(next ?? query.get('next'), { publicOrigin: origin })
      if (destination !== undefined) return destination
      // As in JupyterHub, what came without a destination goes along.
      for (const name of ['next', '_xsrf']) query.delete(name)
      const landing = await findLanding(user)
      return query.size === 0 ? landing : `${landing}?${query}`
    },
  }
  return self
}
