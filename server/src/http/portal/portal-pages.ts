import { randomBytes } from 'node:crypto'

import type { PlatformError } from '@atrium/contract/errors.ts'
import type { PageContent, PortalPage, PortalUser, SignInOptions } from '@atrium/contract/portal-page.ts'
import type { FastifyRequest } from 'fastify'

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
  /** The HTML; sets status, type and policy on `reply`. A script that fetches it finds nobody signed in. */
  render(
    request: PageRequest,
    reply: RouteReply,
    content: PageContent,
    options?: PageOptions,
  ): Promise<string>
  /** The HTML of an error, whatever the request was for: it holds nothing that scripts must not see. */
  renderError(error: PlatformError, request: FastifyRequest, reply: RouteReply): string
}

export function createPortalPages(options: PortalPagesOptions): PortalPages {
  const { version, platformName, announcement, signIn, cookies, groupsOf } = options
  const renderHtml = createPortalRenderer(options.indexHtml)
  const common = { version, platformName, ...(announcement === undefined ? {} : { announcement }) }
  const send = (reply: RouteReply, page: PortalPage, formTarget?: string) => {
    const nonce = randomBytes(16).toString('base64url')
    reply.type('text/html; charset=utf-8')
    reply.header('content-security-policy', buildContentSecurityPolicy({ nonce, formTarget }))
    return renderHtml(page, { nonce })
  }
  return {
    async render(request, reply, content, { status = 200, formTarget, signInFailure } = {}) {
      const isForPerson = isNavigation(request.raw)
      const principal = isForPerson ? request.principal : undefined
      if (principal !== undefined && isSessionPrincipal(principal)) {
        cookies.prolong(request.raw, reply, principal)
      }
      const groups = principal?.kind === 'user' ? await groupsOf(principal.id) : []
      const page = {
        ...common,
        xsrfToken: isForPerson ? request.xsrfToken() : '',
        user: describeUser(principal, groups),
        signIn: { ...signIn, ...(signInFailure === undefined ? {} : { failure: signInFailure }) },
        content,
      }
      return send(reply.code(status), page, formTarget)
    },
    renderError({ status, message }, request, reply) {
      const user = isNavigation(request) ? describeUser(request.principal, []) : null
      return send(reply, {
        ...common,
        xsrfToken: '',
        user,
        signIn,
        content: { kind: 'error', status, message },
      })
    },
  }
}

/**
 * Browsers say what a request is for; other clients say nothing. The page holds the visitor's XSRF token, so scripts get it without: not those
 * of a user's server on this origin either, which could fetch it with the visitor's cookies.
 */
function isNavigation({ headers }: FastifyRequest): boolean {
  const mode = headers['sec-fetch-mode']
  return mode === undefined || mode === 'navigate'
}

function describeUser(principal: Principal | undefined, groups: readonly string[]): PortalUser | null {
  if (principal?.kind !== 'user') return null
  const { name, admin, scopes } = principal
  return { name, admin, groups, scopes: scopes.expanded }
}
