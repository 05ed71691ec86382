import type { HubGroup, HubPage, HubUser } from '@atrium/contract/hub-models.ts'

import { describeHubServer } from '#mock-api/mock-servers.ts'
import type { MockUser } from '#mock-api/mock-state.ts'
import { MockError, type MockRequest, type MockRoutes } from '#mock-api/router.ts'
import { findUser } from './find.ts'

/** Users and groups. */
export const userRoutes: MockRoutes = {
  'GET /hub/api/users': listUsers,
  'POST /hub/api/users': createUsers,
  'GET /hub/api/users/:user': (request) => describeUser(request, findUser(request)),
  'PATCH /hub/api/users/:user': editUser,
  'DELETE /hub/api/users/:user': (request) => {
    const user = findUser(request)
    request.state.users = request.state.users.filter((each) => each !== user)
  },
  'GET /hub/api/groups': ({ state }): HubGroup[] => state.groups,
  'GET /hub/api/groups/:group': findGroup,
  'POST /hub/api/groups/:group': createGroup,
  'DELETE /hub/api/groups/:group': (request) => {
    const group = findGroup(request)
    request.state.groups = request.state.groups.filter((each) => each !== group)
  },
  'POST /hub/api/groups/:group/users': (request) => {
    const group = findGroup(request)
    for (const name of listNames(request)) {
      if (!request.state.users.some((user) => user.name === name)) {
        throw new MockError(404, 'not_found', `No such user: ${name}`)
      }
      if (!group.users.includes(name)) group.users.push(name)
    }
    return group
  },
  'DELETE /hub/api/groups/:group/users': (request) => {
    const group = findGroup(request)
    group.users = group.users.filter((name) => !listNames(request).includes(name))
    return group
  },
}

function listUsers(request: MockRequest): HubPage<HubUser> {
  const { searchParams } = request.url
  const search = searchParams.get('name_filter') ?? ''
  const offset = Number(searchParams.get('offset') ?? 0)
  const limit = Number(searchParams.get('limit') ?? 50)
  const all = request.state.users
    .filter((user) => user.name.includes(search))
    .map((user) => describeUser(request, user))
    .filter((user) => searchParams.get('state') !== 'active' || isActive(user))
  if (searchParams.get('sort') === '-last_activity') {
    all.sort((a, b) => (b.last_activity ?? '').localeCompare(a.last_activity ?? ''))
  }
  return {
    items: all.slice(offset, offset + limit),
    _pagination: { offset, limit, total: all.length, next: null },
  }
}

function isActive(user: HubUser): boolean {
  return Object.values(user.servers ?? {}).some((server) => !server.stopped)
}

function describeUser({ state, nowMs }: MockRequest, user: MockUser): HubUser {
  const groups = state.groups.filter((group) => group.users.includes(user.name)).map((group) => group.name)
  const servers = user.servers.map((server) => describeHubServer(user, server, nowMs))
  return {
    kind: 'user',
    name: user.name,
    admin: user.admin,
    roles: user.admin ? ['user', 'admin'] : ['user'],
    groups,
    created: new Date(user.createdAtMs).toISOString(),
    last_activity: user.lastActivityAtMs ? new Date(user.lastActivityAtMs).toISOString() : null,
    servers: Object.fromEntries(servers.map((server) => [server.name, server])),
  }
}

function createUsers(request: MockRequest): HubUser[] {
  const names = request.body['usernames'] as string[]
  const taken = names.filter((name) => request.state.users.some((user) => user.name === name))
  if (taken.length > 0) throw new MockError(409, 'conflict', `There already: ${taken.join(', ')}`)
  const users = names.map((name) => ({
    name,
    admin: request.body['admin'] === true,
    createdAtMs: request.nowMs,
    servers: [],
  }))
  request.state.users.push(...users)
  request.state.users.sort((a, b) => a.name.localeCompare(b.name))
  return users.map((user) => describeUser(request, user))
}

function editUser(request: MockRequest): HubUser {
  const user = findUser(request)
  const { name, admin } = request.body
  if (typeof name === 'string') {
    if (request.state.users.some((each) => each !== user && each.name === name)) {
      throw new MockError(400, 'conflict', `User ${name} already exists, username must be unique`)
    }
    user.name = name
  }
  if (typeof admin === 'boolean') user.admin = admin
  return describeUser(request, user)
}

function findGroup({ state, params }: MockRequest): MockRequest['state']['groups'][number] {
  const group = state.groups.find((each) => each.name === params['group'])
  if (!group) throw new MockError(404, 'not_found', 'No such group.')
  return group
}

function createGroup({ state, params }: MockRequest): HubGroup {
  const name = params['group'] ?? ''
  if (state.groups.some((group) => group.name === name)) {
    throw new MockError(409, 'conflict', `Group ${name} already exists`)
  }
  const group = { kind: 'group' as const, name, users: [], roles: [], properties: {} }
  state.groups.push(group)
  return group
}

function listNames({ body }: MockRequest): string[] {
  return body['users'] as string[]
}
