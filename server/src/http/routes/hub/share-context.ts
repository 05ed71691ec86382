import { PlatformError } from '@atrium/contract/errors.ts'

import { buildUnusedServer, unusedServerId } from '#hub/server-model.ts'
import type { ServerRecord } from '#hub/server-records.ts'
import type { ShareBody } from '#hub/share-body.ts'
import type { ShareCodes } from '#hub/share-codes.ts'
import type { ShareModels } from '#hub/share-models.ts'
import type { ShareHolder } from '#hub/share-records.ts'
import { nameOf } from '#hub/share-scopes.ts'
import type { Shares } from '#hub/shares.ts'
import type { Groups, GroupView } from '#identity/groups.ts'
import { hasScope, type Principal } from '#identity/principal.ts'
import type { User, Users } from '#identity/users.ts'

export interface ShareRoutesOptions {
  users: Pick<Users, 'find'>
  groups: Pick<Groups, 'find'>
  shares: Shares
  codes: ShareCodes
  models: ShareModels
  findServer(user: string, server: string): Promise<ServerRecord | undefined>
  ensureDefaultServer(owner: { id: number; name: string }): Promise<ServerRecord>
}

type Params = Readonly<Record<string, string | undefined>>

/** The server that the path names by its owner and its name; the default one also if it was never started. Throws `not_found`. */
export async function getSharedServer(
  { users, findServer }: ShareRoutesOptions,
  { user = '', server = '' }: Params,
): Promise<ServerRecord> {
  const found = await findServer(user, server)
  if (found !== undefined) return found
  const owner = server === '' ? await users.find(user) : undefined
  if (owner !== undefined) return buildUnusedServer(owner)
  throw new PlatformError('not_found', { message: `No such server: ${user}/${server}` })
}

/** The same as a record, for what is to be tied to it. */
export async function ensureSharedServer(options: ShareRoutesOptions, params: Params): Promise<ServerRecord> {
  const server = await getSharedServer(options, params)
  return server.id === unusedServerId
    ? options.ensureDefaultServer({ id: server.userId, name: server.user })
    : server
}

/** Throws `not_found`. */
export async function getUser({ users }: ShareRoutesOptions, name: string): Promise<User> {
  const user = await users.find(name)
  if (user === undefined) throw new PlatformError('not_found', { message: `No such user: ${name}` })
  return user
}

/** Throws `not_found`. */
export async function getGroup({ groups }: ShareRoutesOptions, name: string): Promise<GroupView> {
  const group = await groups.find(name)
  if (group === undefined) throw new PlatformError('not_found', { message: `No such group: ${name}` })
  return group
}

/** The user or group that a body names; undefined when there is none. */
export async function findHolder(
  { users, groups }: ShareRoutesOptions,
  { user, group }: ShareBody,
): Promise<ShareHolder | undefined> {
  const isUser = user !== undefined && user !== ''
  const found = isUser ? await users.find(user) : await groups.find(group ?? '')
  return found && { kind: isUser ? 'user' : 'group', id: found.id, name: found.name }
}

/** Nobody gives what they do not have. Throws `forbidden`. */
export function checkMayGive(
  principal: Principal,
  scopes: readonly string[],
  server: Pick<ServerRecord, 'user' | 'name'>,
): void {
  for (const scope of scopes) {
    if (hasScope(principal, nameOf(scope), { user: server.user, server: server.name })) continue
    throw new PlatformError('forbidden', {
      message: `Do not have permission to grant share with scope ${scope}`,
    })
  }
}

/** Sharing with somebody by name tells whether that name exists. Throws `forbidden`. */
export function checkMayName(principal: Principal, { user, group }: ShareBody): void {
  if (user && !hasScope(principal, 'read:users:name', { user })) {
    throw new PlatformError('forbidden', {
      message: "Need scope 'read:users:name' to share with users by name",
    })
  }
  if (!user && group && !hasScope(principal, 'read:groups:name', { group })) {
    throw new PlatformError('forbidden', {
      message: "Need scope 'read:groups:name' to share with groups by name",
    })
  }
}
