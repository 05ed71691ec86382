import { PlatformError } from '@atrium/contract/errors.ts'
import { profileSchema } from '@atrium/contract/servers-api.ts'
import { Type } from 'typebox'

import { defineRoute, type Route } from '#http/define-route.ts'
import type { ProfileOfferings } from '#hub/profile-offers.ts'
import { buildProfileView } from '#hub/server-view.ts'
import { type Principal, requireScope } from '#identity/principal.ts'
import type { User, Users } from '#identity/users.ts'

export interface ProfileRoutesOptions {
  users: Pick<Users, 'find'>
  profiles: Pick<ProfileOfferings, 'list'>
}

/** What a server can be started with. */
export function createProfileRoutes({ users, profiles }: ProfileRoutesOptions): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/api/v1/profiles',
      summary: 'The profiles that the caller, or another user, may start servers with; the default first.',
      tag: 'servers',
      authentication: 'token-or-session',
      access: { open: "The caller's own choices; the handler asks for `start:servers` of another user." },
      schemas: {
        query: Type.Object({
          user: Type.Optional(Type.String({ description: "Whose servers. Default: the caller's." })),
          withheld: Type.Boolean({
            default: false,
            description:
              'Those too that the scheduler would refuse this user, with why; for who may administer the servers.',
          }),
        }),
        responses: { 200: Type.Array(profileSchema) },
      },
      async handler({ principal, query }) {
        const user = await getUser(users, principal, query.user)
        if (query.withheld) requireScope(principal, ['admin:servers'], { user: user.name })
        const { offers, withheld, unchecked } = await profiles.list(user)
        const refused = query.withheld ? withheld : []
        return [
          ...offers.map((offer) => ({
            ...buildProfileView(offer),
            ...(unchecked === undefined ? {} : { unchecked }),
          })),
          ...refused.map(({ profile, why }) => ({
            ...buildProfileView({ profile, accounts: [] }),
            withheld: why,
          })),
        ]
      },
    }),
  ]
}

async function getUser(
  users: Pick<Users, 'find'>,
  principal: Principal,
  name: string | undefined,
): Promise<User> {
  if (name === undefined && principal.kind !== 'user') {
    throw new PlatformError('bad_request', { message: 'Name the user whose profiles are asked for.' })
  }
  const wanted = name ?? principal.name
  const isOwn = principal.kind === 'user' && wanted === principal.name
  if (!isOwn) requireScope(principal, ['start:servers'], { user: wanted })
  const user = await users.find(wanted)
  if (user === undefined) throw new PlatformError('not_found')
  return user
}
