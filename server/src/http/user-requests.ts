import { PlatformError } from '@atrium/contract/errors.ts'

import type { ServerModels } from '#hub/server-models.ts'
import { isUserName, normaliseUserName, printable } from '#identity/names.ts'
import type { Principal } from '#identity/principal.ts'
import type { ScopeSet } from '#identity/scope-set.ts'
import type { UserQuery } from '#identity/user-query.ts'
import { toPythonText } from '#platform/python-text.ts'
import { isObject, parseNames, parseUserBody } from './hub-bodies.ts'
import type { HubPageRequest } from './hub-page.ts'

/** A request for a list of users. */
interface ListRequest {
  readonly principal: Principal
  readonly query: unknown
}

/** What the list's query asks for. Throws `bad_request` in JupyterHub's words. */
export async function buildUserQuery(
  { principal, query }: ListRequest,
  { offset, limit, acceptsPages }: HubPageRequest,
  models: Pick<ServerModels, 'usersWith'>,
): Promise<UserQuery> {
  const {
    state,
    name_filter: nameFilter,
    sort: written = 'id',
  } = query as Readonly<Record<string, string | undefined>>
  const sort = written.replace(/^-/, '')
  if (sort !== 'id' && sort !== 'name' && sort !== 'last_activity') {
    throw new PlatformError('bad_request', {
      message: `sort must be 'id', 'name', or 'last_activity', not '${written}'`,
    })
  }
  const within = listCovered(principal.scopes)
  return {
    offset,
    limit,
    sort,
    descending: written.startsWith('-'),
    counts: acceptsPages,
    ...(nameFilter === undefined ? {} : { nameFilter }),
    ...(within === undefined ? {} : { within }),
    ...(await selectByState(state, models)),
  }
}

async function selectByState(
  state: string | undefined,
  models: Pick<ServerModels, 'usersWith'>,
): Promise<Pick<UserQuery, 'only' | 'except'>> {
  switch (state) {
    case undefined:
    case '':
      return {}
    case 'active':
    case 'ready':
      return { only: await models.usersWith(state) }
    case 'inactive':
      return { except: await models.usersWith('active') }
    default:
      throw new PlatformError('bad_request', { message: `Unrecognized state filter: ${toPythonText(state)}` })
  }
}

/** Whom the caller may list; undefined: everybody. A filter on servers or services lists nobody. */
function listCovered(scopes: ScopeSet): UserQuery['within'] {
  const filter = scopes.filterOf('list:users')
  if (filter === 'all') return undefined
  if (filter?.server !== undefined || filter?.service !== undefined) throw new PlatformError('forbidden')
  return { users: [...(filter?.user ?? [])], groups: [...(filter?.group ?? [])] }
}

/** The body of a creation of several. Throws `bad_request` in JupyterHub's words. */
export function parseUserCreation(body: unknown): {
  readonly names: readonly string[]
  readonly admin: boolean
} {
  const { usernames, ...rest } = isObject(body) ? body : {}
  if (!Array.isArray(usernames) || usernames.length === 0) {
    throw new PlatformError('bad_request', { message: 'Must specify at least one user to create' })
  }
  const { admin = false } = parseUserBody(rest)
  const names = parseNames(usernames, 'usernames').map(normaliseUserName)
  const bad = names.filter((name) => !isUserName(name))
  if (bad.length === 0) return { names, admin }
  const what = bad.length === 1 ? 'username' : 'usernames'
  throw new PlatformError('invalid_name', { message: `Invalid ${what}: ${bad.map(printable).join(', ')}` })
}
