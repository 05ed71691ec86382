import { PlatformError } from '@atrium/contract/errors.ts'
import { type UsageQuery, usageQuerySchema, usageReportSchema } from '@atrium/contract/usage-api.ts'
import { Type } from 'typebox'

import { defineRoute, type Route } from '#http/define-route.ts'
import type { Groups } from '#identity/groups.ts'
import { hasScope, type Principal, requireScope } from '#identity/principal.ts'
import type { Users } from '#identity/users.ts'
import type { Clock } from '#platform/clock.ts'
import { dayOf, type UsageFilter } from '#scheduler/usage/usage-reader.ts'
import {
  formatDay,
  parseDay,
  readUsageReport,
  renderUsageCsv,
  type UsagePrices,
} from '#scheduler/usage/usage-report.ts'
import type { Store } from '#store/store.ts'

export interface UsageRoutesOptions {
  store: Pick<Store, 'db'>
  clock: Clock
  users: Pick<Users, 'find'>
  groups: Pick<Groups, 'find'>
  /** Absent: use has no cost. */
  prices: UsagePrices | undefined
}

/** What was used by whom. */
export function createUsageRoutes(options: UsageRoutesOptions): Route[] {
  const { store, clock, prices } = options
  return [
    defineRoute({
      method: 'GET',
      path: '/api/v1/usage',
      summary:
        'Core hours, GPU hours and memory hours, by day, user, group, kind or partition; who may not read those of all gets the own ones.',
      tag: 'usage',
      authentication: 'token-or-session',
      access: { anyOf: ['read:usage'], on: 'listing' },
      schemas: {
        query: usageQuerySchema,
        responses: { 200: Type.Union([usageReportSchema, Type.String()]) },
      },
      async handler({ principal, query }, reply) {
        const nowMs = clock.now()
        const filter = {
          ...parseSpan(query, dayOf(nowMs)),
          ...(await findSubject(options, principal, query)),
        }
        const report = await readUsageReport({ db: store.db, prices, nowMs }, filter, query.by)
        if (query.format === 'json') return report
        return reply
          .type('text/csv; charset=utf-8')
          .header('content-disposition', `attachment; filename="usage-${report.from}-${report.to}.csv"`)
          .send(renderUsageCsv(report))
      },
    }),
  ]
}

function parseSpan({ from, to, kind }: UsageQuery, today: number): Omit<UsageFilter, 'userId' | 'groupId'> {
  const toDay = to === undefined ? today : getDay(to)
  const fromDay = getDay(from ?? `${formatDay(toDay).slice(0, 8)}01`)
  if (fromDay > toDay) throw new PlatformError('bad_request', { message: '`from` is after `to`.' })
  return { fromDay, toDay, ...(kind === undefined ? {} : { kind }) }
}

function getDay(text: string): number {
  const day = parseDay(text)
  if (day === undefined) throw new PlatformError('bad_request', { message: `${text} is no day.` })
  return day
}

/** Whose use is meant. Who may read that of a group may read it whole; who may read neither all nor a group reads that of one user. */
async function findSubject(
  { users, groups }: UsageRoutesOptions,
  principal: Principal,
  { user, group }: UsageQuery,
): Promise<Pick<UsageFilter, 'userId' | 'groupId'>> {
  const mayReadGroup = group !== undefined && hasScope(principal, 'read:usage', { group })
  const own = principal.kind === 'user' ? principal.name : undefined
  const name = user ?? (mayReadGroup || hasScope(principal, 'read:usage') ? undefined : own)
  if (!mayReadGroup) requireScope(principal, ['read:usage'], name === undefined ? undefined : { user: name })
  const [found, foundGroup] = await Promise.all([
    name === undefined ? undefined : users.find(name),
    group === undefined ? undefined : groups.find(group),
  ])
  const isMissing = (name !== undefined && !found) || (group !== undefined && !foundGroup)
  if (isMissing) throw new PlatformError('not_found')
  return {
    ...(found === undefined ? {} : { userId: found.id }),
    ...(foundGroup === undefined ? {} : { groupId: foundGroup.id }),
  }
}
