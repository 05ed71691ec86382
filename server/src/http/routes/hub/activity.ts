import { PlatformError } from '@atrium/contract/errors.ts'
import { Type } from 'typebox'

import { defineRoute, type Route } from '#http/define-route.ts'
import { parseActivityReport, recordActivity } from '#hub/activity-report.ts'
import type { Activity } from '#identity/activity.ts'
import type { Users } from '#identity/users.ts'
import type { Clock } from '#platform/clock.ts'
import type { Store } from '#store/store.ts'

export interface ActivityRoutesOptions {
  users: Pick<Users, 'find'>
  activity: Pick<Activity, 'noteUser'>
  store: Store
  clock: Clock
}

const timestamp = Type.String({ description: 'ISO 8601; UTC without a zone.' })

/** Where servers report their use. */
export function createActivityRoutes(options: ActivityRoutesOptions): Route[] {
  const { users, clock } = options
  return [
    defineRoute({
      method: 'POST',
      path: '/hub/api/users/:user/activity',
      summary: 'Reports when a user and their servers were last active. Times only move forward.',
      tag: 'users',
      authentication: 'token-or-session',
      access: { anyOf: ['users:activity'], on: 'user' },
      checkedBy: 'handler',
      schemas: {
        body: Type.Object({
          last_activity: Type.Optional(timestamp),
          servers: Type.Optional(Type.Record(Type.String(), Type.Object({ last_activity: timestamp }))),
        }),
        responses: { 200: Type.String() },
      },
      async handler({ params, body }, reply) {
        const name = params['user'] ?? ''
        const user = await users.find(name)
        if (user === undefined) throw new PlatformError('not_found', { message: `No such user: '${name}'` })
        await recordActivity(options, user, parseActivityReport(body, clock.now()))
        return reply.type('application/json').send('')
      },
    }),
  ]
}
