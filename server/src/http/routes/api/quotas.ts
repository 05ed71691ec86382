import { type QuotaView, quotaListSchema } from '@atrium/contract/quotas-api.ts'
import { Type } from 'typebox'

import { defineRoute, type Route } from '#http/define-route.ts'
import type { Groups } from '#identity/groups.ts'
import { hasScope, type Principal } from '#identity/principal.ts'
import type { Users } from '#identity/users.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import type { QuotaUsage } from '#scheduler/quota.ts'

export interface QuotaRoutesOptions {
  quotas: Jobs['quotas']
  users: Pick<Users, 'get' | 'groupsOf'>
  groups: Pick<Groups, 'find'>
}

const common = { tag: 'quotas', authentication: 'token-or-session', method: 'GET' } as const

/** How much is held of what is allowed. */
export function createQuotaRoutes(options: QuotaRoutesOptions): Route[] {
  return [listRoute(options), userRoute(options)]
}

function listRoute({ quotas }: QuotaRoutesOptions): Route {
  return defineRoute({
    ...common,
    path: '/api/v1/quotas',
    summary: 'Everybody who holds something now with the limits, the platform first.',
    access: { anyOf: ['read:quotas'], on: 'listing' },
    schemas: { responses: { 200: quotaListSchema } },
    async handler({ principal }) {
      const views = (await quotas.list()).map(buildQuotaView)
      return { quotas: views.filter((view) => canRead(principal, view)) }
    },
  })
}

function canRead(principal: Principal, { subject, name }: QuotaView): boolean {
  if (subject === 'user') return hasScope(principal, 'read:quotas', { user: name })
  return hasScope(principal, 'read:quotas', subject === 'group' ? { group: name } : undefined)
}

function userRoute({ quotas, users, groups }: QuotaRoutesOptions): Route {
  return defineRoute({
    ...common,
    path: '/api/v1/quotas/:user',
    summary: 'What a user holds, and the groups of that user that have limits.',
    access: { anyOf: ['read:quotas'], on: 'user' },
    schemas: { params: Type.Object({ user: Type.String() }), responses: { 200: quotaListSchema } },
    async handler({ params }) {
      const user = await users.get(params.user)
      const own = await quotas.usage({ kind: 'user', id: user.id })
      const names = (await users.groupsOf([user.id])).get(user.id) ?? []
      const known = await Promise.all(names.map((name) => groups.find(name)))
      const shared = await Promise.all(
        known.flatMap((group) =>
          group === undefined ? [] : [quotas.usage({ kind: 'group', id: group.id })],
        ),
      )
      const limited = shared.filter(({ limits }) => Object.keys(limits).length > 0)
      return { quotas: [own, ...limited].map(buildQuotaView) }
    },
  })
}

function buildQuotaView({ subject, name, jobs, used, limits }: QuotaUsage): QuotaView {
  return { subject: subject.kind, name, jobs: Number(jobs), used, limits }
}
