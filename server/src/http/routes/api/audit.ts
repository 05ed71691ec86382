import { auditPageSchema, auditQuerySchema } from '@atrium/contract/audit-api.ts'

import { defineRoute, type Route } from '#http/define-route.ts'
import { actorOf, hasScope } from '#identity/principal.ts'
import type { AuditLog } from '#observe/audit-log.ts'

/** Who did what, and what was refused. */
export function createAuditRoutes({ audit }: { audit: AuditLog }): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/api/v1/audit',
      summary: 'The audit log, newest first.',
      tag: 'audit',
      authentication: 'token-or-session',
      access: {
        open: 'Everybody may read what they did and what was done to them; the rest needs read:audit.',
      },
      schemas: { query: auditQuerySchema, responses: { 200: auditPageSchema } },
      handler({ principal, query }) {
        const isLimited = !hasScope(principal, 'read:audit')
        return audit.list(isLimited ? { ...query, of: actorOf(principal) } : query)
      },
    }),
  ]
}
