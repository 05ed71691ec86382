import { PlatformError } from '@atrium/contract/errors.ts'
import { defaultRoles } from '@atrium/contract/permissions.ts'
import {
  type RoleView as RoleAnswer,
  roleHolderParamsSchema,
  roleListSchema,
} from '@atrium/contract/roles-api.ts'

import { defineRoute, type Route } from '#http/define-route.ts'
import { describeScope } from '#identity/describe-scope.ts'
import { expandScopes } from '#identity/expand-scopes.ts'
import type { Principal } from '#identity/principal.ts'
import type { Roles, RoleView } from '#identity/roles.ts'
import { parseScope } from '#identity/scope-set.ts'

const common = { tag: 'roles', authentication: 'token-or-session' } as const

/** Roles: what they allow, and who has them. */
export function createRoleRoutes({ roles }: { roles: Roles }): Route[] {
  return [listRoute(roles), giveRoute(roles), takeRoute(roles)]
}

function listRoute(roles: Roles): Route {
  return defineRoute({
    ...common,
    method: 'GET',
    path: '/api/v1/roles',
    summary: 'Every role with what it allows and who has it.',
    access: { anyOf: ['read:roles'], on: 'platform' },
    schemas: { responses: { 200: roleListSchema } },
    async handler() {
      return { roles: (await roles.list()).map(describeRole) }
    },
  })
}

const holderPath = '/api/v1/roles/:role/holders/:kind/:name'

function giveRoute(roles: Roles): Route {
  return defineRoute({
    ...common,
    method: 'PUT',
    path: holderPath,
    summary: 'Gives a role to a user, group or service. Repeatable.',
    access: { anyOf: ['admin:roles'], on: 'platform' },
    schemas: { params: roleHolderParamsSchema, responses: { 204: null } },
    async handler(request, reply) {
      const { role, kind, name } = request.params
      await assertHoldsRole(roles, request.principal, role)
      await roles.give(role, { kind, name }, request.actor())
      return reply.code(204).send()
    },
  })
}

/** Nobody gets more by giving than they have: else who may give roles could give themselves any. */
async function assertHoldsRole(roles: Roles, principal: Principal, name: string): Promise<void> {
  const role = await roles.find(name)
  const wanted = expandScopes(role?.scopes ?? [])
  const missing = [...wanted].filter((scope) => !holds(principal, scope))
  if (missing.length === 0) return
  throw new PlatformError('forbidden', {
    message: `You cannot give permissions that you do not have: ${missing.join(', ')}`,
  })
}

function holds({ scopes }: Principal, wanted: string): boolean {
  return scopes.allows(parseScope(wanted).scope) || scopes.expanded.includes(wanted)
}

function takeRoute(roles: Roles): Route {
  return defineRoute({
    ...common,
    method: 'DELETE',
    path: holderPath,
    summary: 'Takes a role from a user, group or service. Repeatable.',
    access: { anyOf: ['admin:roles'], on: 'platform' },
    schemas: { params: roleHolderParamsSchema, responses: { 204: null } },
    async handler(request, reply) {
      const { role, kind, name } = request.params
      await roles.take(role, { kind, name }, request.actor())
      return reply.code(204).send()
    },
  })
}

function describeRole({ name, description, managed, scopes, holders }: RoleView): RoleAnswer {
  return {
    name,
    description,
    managed,
    assignable: !defaultRoles.some((role) => role.name === name),
    scopes: [...scopes],
    effects: scopes.map(describeScope),
    holders: holders.map((holder) => ({ ...holder })),
  }
}
