import { type HomeView, homeChangeSchema, homeViewSchema } from '@atrium/contract/homes-api.ts'
import { Type } from 'typebox'

import { defineRoute, type Route } from '#http/define-route.ts'
import type { Users } from '#identity/users.ts'
import type { HomeSpace, HomeSpaces } from '#storage/home-space.ts'

export interface HomeRoutesOptions {
  homes: HomeSpaces
  users: Pick<Users, 'get'>
}

const common = { tag: 'homes', authentication: 'token-or-session', path: '/api/v1/users/:user/home' } as const
const params = Type.Object({ user: Type.String() })
const nearlyFull = 0.9

/** How full homes are, and how large they may be. */
export function createHomeRoutes(options: HomeRoutesOptions): Route[] {
  return [showRoute(options), changeRoute(options)]
}

function showRoute({ homes, users }: HomeRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'GET',
    summary: "How much room a user's home has, and how much of it is used.",
    access: { anyOf: ['read:quotas'], on: 'user' },
    schemas: { params, responses: { 200: homeViewSchema } },
    handler: async (request) => buildHomeView(await homes.find(await users.get(request.params.user))),
  })
}

function changeRoute({ homes, users }: HomeRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'PUT',
    summary:
      "Says how large a user's home may be; a volume is made larger at once, and cannot become smaller.",
    access: { anyOf: ['admin:quotas'], on: 'user' },
    schemas: { params, body: homeChangeSchema, responses: { 200: homeViewSchema } },
    async handler(request) {
      const user = await users.get(request.params.user)
      await homes.setSize(user, request.body.sizeBytes, request.actor())
      return buildHomeView(await homes.find(user))
    },
  })
}

function buildHomeView({ usedBytes, sizeBytes, holds, measuredAtMs, trouble }: HomeSpace): HomeView {
  const state = findState(usedBytes, sizeBytes)
  const message = trouble ?? advise(state, holds)
  return {
    usedBytes: usedBytes ?? null,
    sizeBytes: sizeBytes ?? null,
    ...{ holds, state },
    measuredAt: measuredAtMs === undefined ? null : new Date(measuredAtMs).toISOString(),
    ...(message === undefined ? {} : { message }),
  }
}

function findState(used: number | undefined, size: number | undefined): HomeView['state'] {
  if (used === undefined || size === undefined) return 'unknown'
  if (used >= size) return 'full'
  return used >= nearlyFull * size ? 'nearly-full' : 'ok'
}

function advise(state: HomeView['state'], holds: boolean): string | undefined {
  const what = 'Delete what you do not need, or ask an administrator for more room.'
  if (state === 'nearly-full') return `The home is nearly full. ${what}`
  if (state !== 'full') return undefined
  return holds
    ? `The home is full: nothing more can be saved in it. ${what}`
    : `The home holds more than it should. ${what}`
}
