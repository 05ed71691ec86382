import type { HubGroup, HubService, HubUser } from '@atrium/contract/hub-models.ts'
import type { Scope } from '@atrium/contract/permissions.ts'

import type { HubServerModel } from '#hub/server-model.ts'
import type { ServerModels } from '#hub/server-models.ts'
import type { GroupView } from '#identity/groups.ts'
import type { Resource, ScopeSet } from '#identity/scope-set.ts'
import type { Service } from '#identity/services.ts'
import type { UserView } from '#identity/user-views.ts'

/** Which fields each scope shows. `kind` and `name` come with all of them. */
const userFields: readonly (readonly [Scope, readonly string[]])[] = [
  ['read:users', ['user_info', 'admin', 'roles', 'groups', 'server', 'pending', 'created', 'last_activity']],
  ['read:users:name', ['user_info', 'admin']],
  ['read:users:groups', ['groups']],
  ['read:users:activity', ['last_activity']],
  ['read:servers', ['servers']],
  ['read:roles:users', ['roles', 'admin']],
  ['admin:auth_state', ['auth_state']],
]

const groupFields: readonly (readonly [Scope, readonly string[]])[] = [
  ['read:groups', ['properties', 'users']],
  ['read:groups:name', []],
  ['read:roles:groups', ['roles']],
]

const serviceFields: readonly (readonly [Scope, readonly string[]])[] = [
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
  return views.flatMap((view) => buildUserModel(view, scopes, servers.get(view.user.id) ?? [], query) ?? [])
}

function buildUserModel(
  { user, groups, roles }: UserView,
  scopes: ScopeSet,
  servers: readonly HubServerModel[],
  { authState = null }: UserModelQuery,
): HubUser | undefined {
  const shown = findShown(userFields, scopes, { user: user.name })
  if (shown === undefined) return undefined
  const fallback = servers.find(({ name }) => name === '')
  const readable = servers.filter(({ name }) =>
    scopes.allows('read:servers', { user: user.name, server: name }),
  )
  const model: Required<Omit<HubUser, 'servers'>> = {
    kind: 'user',
    name: user.name,
    admin: user.admin,
    roles,
    groups,
    server: fallback?.ready ? fallback.url : null,
    pending: fallback?.pending ?? null,
    created: formatTime(user.createdAtMs),
    last_activity: user.lastActivityAtMs === null ? null : formatTime(user.lastActivityAtMs),
    auth_state: authState,
    user_info: null,
  }
  const shownModel = pick(model, shown)
  if (!shown.has('servers') && readable.length === 0) return shownModel
  return { ...shownModel, servers: Object.fromEntries(readable.map((server) => [server.name, server])) }
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
  return new Date(ms).toISOString().replace('Z', '000Z')
}

/** The fields that are shown of a thing; undefined: nothing at all. */
function findShown(
  fields: readonly (readonly [Scope, readonly string[]])[],
  scopes: ScopeSet,
  resource: Resource,
): ReadonlySet<string> | undefined {
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
