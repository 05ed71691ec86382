import type { HubGroup, HubService, HubUser } from '@atrium/contract/hub-models.ts'
import type { Scope } from '@atrium/contract/permissions.ts'

import type { HubServerModel } from '#hub/server-model.ts'
import type { ServerModels } from '#hub/server-models.ts'
import type { GroupView } from '#identity/groups.ts'
import type { Resource, ScopeSet } from '#identity/scope-set.ts'
import type { Service } from '#identity/services.ts'
import type { UserView } from '#identity/user-views.ts'

/** Which fields each scope shows. `kind` and `name` come with all of them. */
const userFields: Fields = [
  ['read:users', ['user_info', 'admin', 'roles', 'groups', 'server', 'pending', 'created', 'last_activity']],
  ['read:users:name', ['user_info', 'admin']],
  ['read:users:groups', ['groups']],
  ['read:users:activity', ['last_activity']],
  ['read:servers', ['servers']],
  ['read:roles:users', ['roles', 'admin']],
  ['admin:auth_state', ['auth_state']],
]

const groupFields: Fields = [
  ['read:groups', ['properties', 'users']],
  ['read:groups:name', []],
  ['read:roles:groups', ['roles']],
]

const serviceFields: Fields = [
  ['read:services', ['admin', 'url', 'prefix', 'command', 'pid', 'info', 'display']],
  ['read:services:name', ['admin']],
  ['read:roles:services', ['roles', 'admin']],
]

/** What answers about users show besides stored facts. */
export interface UserModelQuery {
  /** Stopped servers too. */
  readonly includeStopped: boolean
  /** Sign-in state, for who may read it. */
  readonly authState?: unknown
}

/** Users as JupyterHub's clients see them, with the fields that `scopes` cover; users of whom nothing may be seen are left out. */
export async function buildUserModels(
  views: readonly UserView[],
  scopes: ScopeSet,
  models: Pick<ServerModels, 'ofUsers'>,
  query: UserModelQuery,
): Promise<readonly HubUser[]> {
  const mayReadServers =
    scopes.filterOf('read:servers') !== undefined || scopes.filterOf('read:users') !== undefined
  const servers = mayReadServers
    ? await models.ofUsers(
        views.map(({ user }) => user),
        {
          includeStopped: query.includeStopped,
          mayReadState: (server) => scopes.allows('admin:server_state', server),
        },
      )
    : new Map<number, readonly HubServerModel[]>()
  const findShownOfUser = createShownFinder(userFields, scopes)
  const found: HubUser[] = []
  for (const view of views) {
    const shown = findShownOfUser({ user: view.user.name })
    if (shown === undefined) continue
    found.push(buildUserModel(view, { scopes, shown, servers: servers.get(view.user.id) ?? [] }, query))
  }
  return found
}

interface Shown {
  readonly scopes: ScopeSet
  /** The fields that are shown. */
  readonly shown: ReadonlySet<string>
  readonly servers: readonly HubServerModel[]
}

function buildUserModel(
  { user, groups, roles }: UserView,
  { scopes, shown, servers }: Shown,
  { authState = null }: UserModelQuery,
): HubUser {
  const model: Writable<HubUser> = { kind: 'user', name: user.name }
  if (shown.has('admin')) model.admin = user.admin
  if (shown.has('roles')) model.roles = roles
  if (shown.has('groups')) model.groups = groups
  if (shown.has('server')) model.server = findDefaultUrl(servers)
  if (shown.has('pending')) model.pending = servers.find(({ name }) => name === '')?.pending ?? null
  if (shown.has('created')) model.created = formatTime(user.createdAtMs)
  if (shown.has('last_activity')) model.last_activity = formatOptionalTime(user.lastActivityAtMs)
  if (shown.has('auth_state')) model.auth_state = authState
  if (shown.has('user_info')) model.user_info = null
  const readable = servers.filter(({ name }) =>
    scopes.allows('read:servers', { user: user.name, server: name }),
  )
  if (shown.has('servers') || readable.length > 0) {
    model.servers = Object.fromEntries(readable.map((server) => [server.name, server]))
  }
  return model
}

type Writable<T> = { -readonly [key in keyof T]: T[key] }

/** Where the default server answers, once it does. */
function findDefaultUrl(servers: readonly HubServerModel[]): string | null {
  const fallback = servers.find(({ name }) => name === '')
  return fallback?.ready ? fallback.url : null
}

/** A group, with the fields that `scopes` cover. */
export function buildGroupModel(group: GroupView, scopes: ScopeSet): HubGroup {
  const model = {
    kind: 'group',
    name: group.name,
    roles: group.roles,
    users: group.users,
    properties: group.properties,
  } as const
  return pick(model, findShown(groupFields, scopes, { group: group.name }) ?? new Set())
}

/** A service, with the fields that `scopes` cover. */
export function buildServiceModel(service: Service, scopes: ScopeSet): HubService {
  const model = {
    kind: 'service',
    name: service.name,
    roles: service.roles,
    admin: service.admin,
    url: service.url,
    prefix: service.url === null ? '' : `/services/${service.name}/`,
    command: [],
    pid: 0,
    info: service.info,
    display: service.display,
  } as const
  return pick(model, findShown(serviceFields, scopes, { service: service.name }) ?? new Set())
}

/** ISO 8601 in UTC, to the microsecond as Python writes it. */
export function formatTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -1)}000Z`
}

/** The same of what may not have happened yet. */
export function formatOptionalTime(ms: number | null): string | null {
  return ms === null ? null : formatTime(ms)
}

type Fields = readonly (readonly [Scope, readonly string[]])[]

/** Finds out once what is shown where no filter makes a difference between one thing and the next. */
function createShownFinder(
  fields: Fields,
  scopes: ScopeSet,
): (resource: Resource) => ReadonlySet<string> | undefined {
  const isFiltered = fields.some(([scope]) => typeof scopes.filterOf(scope) === 'object')
  if (isFiltered) return (resource) => findShown(fields, scopes, resource)
  const shown = findShown(fields, scopes)
  return () => shown
}

/** The fields that are shown of a thing; undefined: nothing at all. */
function findShown(fields: Fields, scopes: ScopeSet, resource?: Resource): ReadonlySet<string> | undefined {
  let shown: Set<string> | undefined
  for (const [scope, names] of fields) {
    if (!scopes.allows(scope, resource)) continue
    shown ??= new Set(['kind', 'name'])
    for (const name of names) shown.add(name)
  }
  return shown
}

/** A copy with some of the fields. `kind` and `name`, which are not optional, are always among them where there are any. */
function pick<Model extends object>(model: Model, shown: ReadonlySet<string>): Model {
  return Object.fromEntries(Object.entries(model).filter(([key]) => shown.has(key))) as Model
}
