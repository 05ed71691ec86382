import { randomBytes } from 'node:crypto'

import { PlatformError } from '@atrium/contract/errors.ts'
import type { PageContent, PortalPage, PortalUser, SignInOptions } from '@atrium/contract/portal-page.ts'

import { isSessionPrincipal } from '#http/authenticate-request.ts'
import type { RouteReply, RouteRequest } from '#http/define-route.ts'
import type { SessionCookies } from '#http/session-cookies.ts'
import type { Principal } from '#identity/principal.ts'
import { buildContentSecurityPolicy, createPortalRenderer } from './portal-html.ts'

export interface PortalPagesOptions {
  /** The built `index.html`; undefined: not built. */
  indexHtml: string | undefined
  version: string
  platformName: string
  signIn: SignInOptions
  announcement?: string
  cookies: SessionCookies
  /** Names of a user's groups. */
  groupsOf(userId: number): Promise<readonly string[]>
}

/** What a page is answered to. */
export type PageRequest = Pick<RouteRequest, 'raw' | 'xsrfToken'> & {
  readonly principal: Principal | undefined
}

export interface PageOptions {
  /** Default 200. */
  status?: number
  /** Origin that a form's redirect may lead to, besides our own. */
  formTarget?: string | undefined
  /** Why the sign-in before failed. */
  signInFailure?: string
}

/** Answers browsers with the portal's page. */
export interface PortalPages {
  /** The HTML; sets status, type and policy on `reply`. Throws `forbidden` for requests that are no navigation. */
  render(
    request: PageRequest,
    reply: RouteReply,
    content: PageContent,
    options?: PageOptions,
  ): Promise<string>
}

export function createPortalPages(options: PortalPagesOptions): PortalPages {
  const { version, platformName, announcement, cookies } = options
  const renderHtml = createPortalRenderer(options.indexHtml)
  return {
    async render(request, reply, content, { status = 200, formTarget, signInFailure } = {}) {
      assertNavigation(request)
      const { principal } = request
      if (principal !== undefined && isSessionPrincipal(principal)) {
        cookies.prolong(request.raw, reply, principal)
      }
      const page: PortalPage = {
        version,
        platformName,
        xsrfToken: request.xsrfToken(),
        user: await describeUser(principal, options.groupsOf),
        signIn: { ...options.signIn, ...(signInFailure === undefined ? {} : { failure: signInFailure }) },
        ...(announcement === undefined ? {} : { announcement }),
        content,
      }
      const nonce = randomBytes(16).toString('base64url')
      reply.code(status).type('text/html; charset=utf-8')
      reply.header('content-security-policy', buildContentSecurityPolicy({ nonce, formTarget }))
      return renderHtml(page, { nonce })
    },
  }
}

/**
 * The page holds the visitor's XSRF token, so scripts do not get it: not those of a user's server on this origin, which could fetch it with
 * the visitor's cookies. Browsers say what a request is for; other clients say nothing.
 */
function assertNavigation({ raw }: PageRequest): void {
  const mode = raw.headers['sec-fetch-mode']
  if (mode !== undefined && mode !== 'navigate') {
    throw new PlatformError('forbidden', { message: 'Pages are for people, not for scripts.' })
  }
}

async function describeUser(
  principal: Principal | undefined,
  groupsOf: PortalPagesOptions['groupsOf'],
): Promise<PortalUser | null> {
  if (principal?.kind !== 'user') return null
  const { id, name, admin, scopes } = principal
  return { name, admin, groups: await groupsOf(id), scopes: scopes.expanded }
}
