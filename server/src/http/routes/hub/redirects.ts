import { Type } from 'typebox'

import { defineRoute, type Route } from '#http/define-route.ts'
import { buildServerPath, escapePathSegment } from '#hub/server-paths.ts'

/**
 * For paths outside the hub that no route has: JupyterHub sends browsers to the same path below `/hub`, where `/user/...` of a stopped
 * server, `/user-redirect/...` and unknown paths are answered with what is known of the visitor. Undefined below `/hub` itself.
 */
export function findHubRedirect(pathAndQuery: string): string | undefined {
  return pathAndQuery.startsWith('/hub/') ? undefined : `/hub${pathAndQuery}`
}

/** Links that mean "on your own server, whoever you are" (nbgitpuller's `/hub/user-redirect/git-pull?repo=...`), and `/hub` itself. */
export function createUserRedirectRoutes(): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/hub',
      summary: 'Adds the missing slash.',
      tag: 'pages',
      authentication: 'none',
      access: { open: 'Only redirects.' },
      answers: 'page',
      schemas: { responses: { 301: null } },
      handler: ({ raw }, reply) => reply.redirect(`/hub/${raw.url.slice('/hub'.length)}`, 301),
    }),
    defineRoute({
      method: 'GET',
      path: '/hub/user-redirect/*',
      summary: "Sends the browser to this path on the visitor's own server, which is started if need be.",
      tag: 'pages',
      authentication: 'session',
      access: { open: 'Only redirects; the start asks for itself.' },
      answers: 'page',
      schemas: { responses: { 302: null } },
      handler({ principal, raw }, reply) {
        // As it came: encoded characters in path and query must arrive as they are.
        const rest = raw.url.slice('/hub/user-redirect/'.length)
        const target = `${buildServerPath(principal.name)}${rest}`
        return reply.redirect(
          `/hub/spawn/${escapePathSegment(principal.name)}?next=${encodeURIComponent(target)}`,
        )
      },
    }),
  ]
}

/** Browsers report violations of the policy that single-user servers set; it names this path. */
export function createCspReportRoutes(): Route[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/hub/security/csp-report',
      summary: "Takes a browser's report of a violated content security policy.",
      tag: 'pages',
      authentication: 'session',
      access: { open: 'It is written to the log.' },
      xsrf: { never: 'Browsers send these by themselves.' },
      accepts: 'raw',
      checkedBy: 'handler',
      bodyLimitBytes: 16 * 1024,
      schemas: { body: Type.String(), responses: { 200: null } },
      handler({ body, log }, reply) {
        log.warn({ report: String(body ?? '').slice(0, 4096) }, 'content security policy violated')
        return reply.code(200).send()
      },
    }),
  ]
}
