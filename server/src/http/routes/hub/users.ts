import { PlatformError } from '@atrium/contract/errors.ts'
import type { HubUser } from '@atrium/contract/hub-models.ts'
import { Type } from 'typebox'

import { defineRoute, type Route } from '#http/define-route.ts'
import { parseUserBody } from '#http/hub-bodies.ts'
import { buildUserModels } from '#http/hub-models.ts'
import { buildHubPage, parseHubPage } from '#http/hub-page.ts'
import { buildUserQuery, parseUserCreation } from '#http/user-requests.ts'
import type { ServerModels } from '#hub/server-models.ts'
import type { Identity } from '#identity/identity.ts'
import { isUserName, normaliseUserName, parseUserName, printable } from '#identity/names.ts'
import type { Principal } from '#identity/principal.ts'
import type { User } from '#identity/users.ts'
import { toPythonText } from '#platform/python-text.ts'

import { pageSchema } from './hub-schemas.ts'
import {
  createUserSchema,
  createUsersSchema,
  updateUserSchema,
  userListQuerySchema,
  userModelSchema,
} from './identity-schemas.ts'

export interface UserRoutesOptions {
  readonly identity: Pick<Identity, 'users' | 'userViews'>
  readonly models: Pick<ServerModels, 'ofUsers' | 'usersWith'>
  /** Stops the user's servers and waits for their end. Throws what is in the way. */
  stopServers(user: User): Promise<void>
}

const common = { tag: 'users', authentication: 'token-or-session', checkedBy: 'handler' } as const

/** Users: list, look, create, change, delete. */
export function createUserRoutes(options: UserRoutesOptions): Route[] {
  return [
    listRoute(options),
    createSeveralRoute(options),
    showRoute(options),
    createOneRoute(options),
    updateRoute(options),
    removeRoute(options),
  ]
}

function listRoute({ identity, models }: UserRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'GET',
    path: '/hub/api/users',
    summary: 'Lists users, as a list or, to who accepts `application/jupyterhub-pagination+json`, as pages.',
    access: { anyOf: ['list:users'], on: 'listing' },
    schemas: {
      query: userListQuerySchema,
      responses: { 200: Type.Union([Type.Array(userModelSchema), pageSchema(userModelSchema)]) },
    },
    async handler(request) {
      const page = parseHubPage(request)
      const query = await buildUserQuery(request, page, models)
      const { users, total } = await identity.users.list(query)
      const views = await identity.userViews.ofUsers(users)
      const items = await buildUserModels(views, request.principal.scopes, models, {
        includeStopped: includesStopped(request),
      })
      return page.acceptsPages ? buildHubPage(request, page, { items, total }) : items
    },
  })
}

function createSeveralRoute({ identity, models }: UserRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'POST',
    path: '/hub/api/users',
    summary: 'Creates users; those that exist are left as they are.',
    access: { anyOf: ['admin:users'], on: 'platform' },
    schemas: { body: createUsersSchema, responses: { 201: Type.Array(userModelSchema) } },
    async handler(request, reply) {
      const { names, admin } = parseUserCreation(request.body)
      assertMayMakeAdmin(request.principal, admin)
      const created = await identity.users.create(
        names.map((name) => ({ name, admin })),
        request.actor(),
      )
      if (created.length === 0)
        throw new PlatformError('conflict', { message: `All ${names.length} users already exist` })
      reply.code(201)
      const views = identity.userViews.ofNewUsers(created)
      return buildUserModels(views, request.principal.scopes, models, {
        includeStopped: includesStopped(request),
      })
    },
  })
}

function showRoute(options: UserRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'GET',
    path: '/hub/api/users/:user',
    summary: 'One user, as far as the caller may see.',
    access: {
      anyOf: [
        'read:users',
        'read:users:name',
        'read:servers',
        'read:users:groups',
        'read:users:activity',
        'read:roles:users',
      ],
      on: 'user',
    },
    schemas: { responses: { 200: userModelSchema } },
    async handler(request) {
      const user = await options.identity.users.get(nameIn(request))
      return buildOne(options, request, user)
    },
  })
}

function createOneRoute(options: UserRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'POST',
    path: '/hub/api/users/:user',
    summary: 'Creates a user.',
    access: { anyOf: ['admin:users'], on: 'user' },
    schemas: { body: createUserSchema, responses: { 201: userModelSchema } },
    async handler(request, reply) {
      const name = parseUserName(nameIn(request))
      const { admin = false } = request.body == null ? {} : parseUserBody(request.body)
      assertMayMakeAdmin(request.principal, admin)
      const [user] = await options.identity.users.create([{ name, admin }], request.actor())
      if (user === undefined) throw new PlatformError('conflict', { message: `User ${name} already exists` })
      reply.code(201)
      const views = options.identity.userViews.ofNewUsers([user])
      const [model] = await buildUserModels(views, request.principal.scopes, options.models, {
        includeStopped: includesStopped(request),
      })
      return model
    },
  })
}

function updateRoute(options: UserRoutesOptions): Route {
  const { users } = options.identity
  return defineRoute({
    ...common,
    method: 'PATCH',
    path: '/hub/api/users/:user',
    summary: 'Changes a user. After a change of the name servers and tokens are as they were.',
    access: { anyOf: ['admin:users'], on: 'user' },
    schemas: { body: updateUserSchema, responses: { 200: userModelSchema } },
    async handler(request) {
      const user = await users.get(nameIn(request))
      const { name, admin, auth_state: authState } = parseUserBody(request.body)
      if (name !== undefined && name !== user.name) await assertNameIsFree(options, user, name)
      assertMayChange(request.principal, user, admin)
      const changed = await users.update(
        user.name,
        {
          ...(name === undefined ? {} : { name }),
          ...(admin === undefined ? {} : { admin }),
          ...(authState === undefined ? {} : { authState }),
        },
        request.actor(),
      )
      return {
        ...(await buildOne(options, request, changed)),
        auth_state: await users.readAuthState(user.id),
      }
    },
  })
}

function removeRoute({ identity, stopServers }: UserRoutesOptions): Route {
  return defineRoute({
    ...common,
    method: 'DELETE',
    path: '/hub/api/users/:user',
    summary: 'Stops the user’s servers and deletes the user with tokens and shares. Files stay.',
    access: { anyOf: ['delete:users'], on: 'user' },
    schemas: { responses: { 204: null } },
    async handler(request, reply) {
      const user = await identity.users.get(nameIn(request))
      if (isSelf(request.principal, user)) {
        throw new PlatformError('bad_request', { message: 'Cannot delete yourself!' })
      }
      await stopServers(user)
      await identity.users.remove(user.name, request.actor())
      return reply.code(204).send()
    },
  })
}

/** One user's model, with the sign-in state for who may read it. */
async function buildOne(
  { identity, models }: UserRoutesOptions,
  request: { readonly principal: Principal; readonly query: unknown },
  user: User,
): Promise<HubUser> {
  const { scopes } = request.principal
  const mayReadState = scopes.allows('admin:auth_state', { user: user.name })
  const authState = mayReadState ? await identity.users.readAuthState(user.id) : null
  const views = await identity.userViews.ofUsers([user])
  const [model] = await buildUserModels(views, scopes, models, {
    includeStopped: includesStopped(request),
    authState,
  })
  if (model === undefined) throw new PlatformError('not_found')
  return model
}

function nameIn({ params }: { readonly params: Readonly<Record<string, string>> }): string {
  return params['user'] ?? ''
}

function includesStopped({ query }: { readonly query: unknown }): boolean {
  const value = (query as Readonly<Record<string, unknown>>)['include_stopped_servers']
  return value !== undefined && !['0', 'false'].includes(String(value).toLowerCase())
}

function assertMayMakeAdmin(principal: Principal, admin: boolean): void {
  if (admin && !principal.admin) {
    throw new PlatformError('forbidden', { message: 'Only admins can grant admin permissions' })
  }
}

function assertMayChange(principal: Principal, user: User, admin: boolean | undefined): void {
  if (user.admin && !principal.admin) {
    throw new PlatformError('forbidden', { message: 'Only admins can modify other admins' })
  }
  assertMayMakeAdmin(principal, admin ?? false)
}

/** A running server keeps the name that it was started with, so the user keeps it too as long. */
async function assertNameIsFree(
  { identity, models }: UserRoutesOptions,
  user: User,
  name: string,
): Promise<void> {
  const normalised = normaliseUserName(name)
  if (!isUserName(normalised)) {
    throw new PlatformError('invalid_name', { message: `Invalid username: ${toPythonText(printable(name))}` })
  }
  if (normalised !== user.name && (await identity.users.find(normalised)) !== undefined) {
    throw new PlatformError('bad_request', {
      message: `User ${normalised} already exists, username must be unique`,
    })
  }
  const running = await models.ofUsers([user])
  if (running.size > 0) {
    throw new PlatformError('bad_request', {
      message: `Stop the servers of ${user.name} before the name is changed.`,
    })
  }
}

function isSelf(principal: Principal, user: User): boolean {
  return principal.kind === 'user' && principal.id === user.id
}
