import { PlatformError } from '@atrium/contract/errors.ts'
import { Type } from 'typebox'

import { defineRoute, type Route } from '#http/define-route.ts'
import { isObject, parseGroupBody, parseNames } from '#http/hub-bodies.ts'
import { buildGroupModel } from '#http/hub-models.ts'
import { buildHubPage, parseHubPage } from '#http/hub-page.ts'
import type { Groups } from '#identity/groups.ts'
import { printable } from '#identity/names.ts'
import type { ScopeSet } from '#identity/scope-set.ts'

import { pageQuerySchema, pageSchema } from './hub-schemas.ts'
import { createGroupsSchema, groupModelSchema, usersBodySchema } from './identity-schemas.ts'

export interface GroupRoutesOptions {
  readonly groups: Groups
}

const common = { tag: 'groups', authentication: 'token-or-session', checkedBy: 'handler' } as const

/** Groups: list, look, create, change, delete. */
export function createGroupRoutes({ groups }: GroupRoutesOptions): Route[] {
  return [
    listRoute(groups),
    createSeveralRoute(groups),
    showRoute(groups),
    createOneRoute(groups),
    removeRoute(groups),
    addMembersRoute(groups),
    removeMembersRoute(groups),
    setPropertiesRoute(groups),
  ]
}

function listRoute(groups: Groups): Route {
  return defineRoute({
    ...common,
    method: 'GET',
    path: '/hub/api/groups',
    summary: 'Lists groups, as a list or, to who accepts `application/jupyterhub-pagination+json`, as pages.',
    access: { anyOf: ['list:groups'], on: 'listing' },
    schemas: {
      query: pageQuerySchema,
      responses: { 200: Type.Union([Type.Array(groupModelSchema), pageSchema(groupModelSchema)]) },
    },
    async handler(request) {
      const { scopes } = request.principal
      const page = parseHubPage(request)
      const within = listCovered(scopes)
      const { groups: found, total } = await groups.list({
        ...page,
        ...(within === undefined ? {} : { within }),
      })
      const items = found.map((group) => buildGroupModel(group, scopes))
      return page.acceptsPages ? buildHubPage(request, page, { items, total }) : items
    },
  })
}

function createSeveralRoute(groups: Groups): Route {
  return defineRoute({
    ...common,
    method: 'POST',
    path: '/hub/api/groups',
    summary: 'Creates groups, all with the same members.',
    access: { anyOf: ['admin:groups'], on: 'platform' },
    schemas: { body: createGroupsSchema, responses: { 201: Type.Array(groupModelSchema) } },
    async handler(request, reply) {
      const { groups: wanted, ...rest } = isObject(request.body) ? request.body : {}
      if (!Array.isArray(wanted) || wanted.length === 0) {
        throw new PlatformError('bad_request', { message: 'Must specify at least one group to create' })
      }
      const users = parseNames(parseGroupBody(rest).users ?? [], 'usernames')
      const names = parseNames(wanted, 'group names')
      const created = await groups.create(
        names.map((name) => ({ name, users })),
        request.actor(),
      )
      reply.code(201)
      return created.map((group) => buildGroupModel(group, request.principal.scopes))
    },
  })
}

function showRoute(groups: Groups): Route {
  return defineRoute({
    ...common,
    method: 'GET',
    path: '/hub/api/groups/:group',
    summary: 'One group, as far as the caller may see.',
    access: { anyOf: ['read:groups', 'read:groups:name', 'read:roles:groups'], on: 'group' },
    schemas: { responses: { 200: groupModelSchema } },
    async handler({ params, principal }) {
      const name = nameIn(params)
      const group = await groups.find(name)
      if (group === undefined)
        throw new PlatformError('not_found', { message: `No such group: ${printable(name)}` })
      return buildGroupModel(group, principal.scopes)
    },
  })
}

function createOneRoute(groups: Groups): Route {
  return defineRoute({
    ...common,
    method: 'POST',
    path: '/hub/api/groups/:group',
    summary: 'Creates a group.',
    access: { anyOf: ['admin:groups'], on: 'group' },
    schemas: { body: Type.Partial(usersBodySchema), responses: { 201: groupModelSchema } },
    async handler(request, reply) {
      const { users = [] } = request.body == null ? {} : parseGroupBody(request.body)
      const wanted = { name: nameIn(request.params), users: parseNames(users, 'usernames') }
      const [group] = await groups.create([wanted], request.actor())
      reply.code(201)
      return group && buildGroupModel(group, request.principal.scopes)
    },
  })
}

function removeRoute(groups: Groups): Route {
  return defineRoute({
    ...common,
    method: 'DELETE',
    path: '/hub/api/groups/:group',
    summary: 'Deletes a group. Its members and its folder stay.',
    access: { anyOf: ['delete:groups'], on: 'group' },
    schemas: { responses: { 204: null } },
    async handler(request, reply) {
      await groups.remove(nameIn(request.params), request.actor())
      return reply.code(204).send()
    },
  })
}

function addMembersRoute(groups: Groups): Route {
  return defineRoute({
    ...common,
    method: 'POST',
    path: '/hub/api/groups/:group/users',
    summary: 'Adds members.',
    access: { anyOf: ['groups'], on: 'group' },
    schemas: { body: usersBodySchema, responses: { 200: groupModelSchema } },
    async handler(request) {
      const name = await findName(groups, request.params)
      const users = parseMembers(request.body, 'add')
      const group = await groups.addMembers(name, users, request.actor())
      return buildGroupModel(group, request.principal.scopes)
    },
  })
}

function removeMembersRoute(groups: Groups): Route {
  return defineRoute({
    ...common,
    method: 'DELETE',
    path: '/hub/api/groups/:group/users',
    summary: 'Takes members out.',
    access: { anyOf: ['groups'], on: 'group' },
    schemas: { body: usersBodySchema, responses: { 200: groupModelSchema } },
    async handler(request) {
      const name = await findName(groups, request.params)
      const users = parseMembers(request.body, 'delete')
      const group = await groups.removeMembers(name, users, request.actor())
      return buildGroupModel(group, request.principal.scopes)
    },
  })
}

function setPropertiesRoute(groups: Groups): Route {
  return defineRoute({
    ...common,
    method: 'PUT',
    path: '/hub/api/groups/:group/properties',
    summary: 'Replaces the free data of a group.',
    access: { anyOf: ['groups'], on: 'group' },
    schemas: { body: Type.Record(Type.String(), Type.Unknown()), responses: { 200: groupModelSchema } },
    async handler(request) {
      const name = await findName(groups, request.params)
      const body: unknown = request.body
      if (!isObject(body)) throw new PlatformError('bad_request', { message: 'Must specify properties' })
      const group = await groups.setProperties(name, body, request.actor())
      return buildGroupModel(group, request.principal.scopes)
    },
  })
}

type Params = Readonly<Record<string, string>>

function nameIn(params: Params): string {
  return params['group'] ?? ''
}

/** As in JupyterHub, that the group is missing is said before anything is said of the body. */
async function findName(groups: Groups, params: Params): Promise<string> {
  const name = nameIn(params)
  if ((await groups.find(name)) === undefined) {
    throw new PlatformError('not_found', { message: `No such group: ${printable(name)}` })
  }
  return name
}

function parseMembers(body: unknown, verb: 'add' | 'delete'): readonly string[] {
  const { users } = parseGroupBody(body)
  if (users === undefined)
    throw new PlatformError('bad_request', { message: `Must specify users to ${verb}` })
  return parseNames(users, 'usernames')
}

/** Which groups the caller may list; undefined: all. A filter on anything else lists nothing. */
function listCovered(scopes: ScopeSet): readonly string[] | undefined {
  const filter = scopes.filterOf('list:groups')
  if (filter === 'all') return undefined
  if (filter?.user !== undefined || filter?.server !== undefined || filter?.service !== undefined) {
    throw new PlatformError('forbidden')
  }
  return [...(filter?.group ?? [])]
}
