import type { UnixAccounts } from '#identity/unix-accounts.ts'
import type { User } from '#identity/users.ts'
import type { PreparedOwner } from '#scheduler/job-profile.ts'
import type { Homes } from '#storage/homes.ts'

import type { OwnerGroups } from './owner-groups.ts'

/**
 * Finds or makes what a user's jobs need on the machines: the account, the home, and folders of the user's groups. Throws `conflict` when one
 * of them is somebody else's.
 */
export function createOwnerPreparation({
  accounts,
  homes,
  groups,
  readHomeSize,
}: {
  accounts: UnixAccounts
  homes: Homes
  groups?: OwnerGroups | undefined
  /** How large the user's home is to be; undefined: as for all. */
  readHomeSize?(user: User): Promise<number | undefined>
}): (user: User) => Promise<PreparedOwner> {
  return async (user) => {
    const { login, folder, uid, gid, gids = [], home, shell } = await accounts.ensure(user)
    const shared = await groups?.ensureOf(user, login)
    const all = [...gids, ...(shared?.groups ?? []).map((group) => group.gid)]
    const ids = uid === undefined ? {} : { uid, ...(gid === undefined ? {} : { gid }), gids: all }
    const path = await homes.ensure({ folder, ...ids, ...(home === undefined ? {} : { home }) })
    const homeBytes = await readHomeSize?.(user)
    const size = homeBytes === undefined ? {} : { homeBytes }
    return { owner: { name: user.name, login, ...ids, home: path, ...size, ...shared }, shell }
  }
}
