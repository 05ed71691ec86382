import type { UnixAccounts } from '#identity/unix-accounts.ts'
import type { User } from '#identity/users.ts'
import type { PreparedOwner } from '#scheduler/job-profile.ts'
import type { Homes } from '#storage/homes.ts'

/** Finds or makes what a user's jobs need on the machines: the account and the home. Throws `conflict` when the home is somebody else's. */
export function createOwnerPreparation({
  accounts,
  homes,
}: {
  accounts: UnixAccounts
  homes: Homes
}): (user: User) => Promise<PreparedOwner> {
  return async (user) => {
    const { login, folder, uid, gid, gids, home, shell } = await accounts.ensure(user)
    const ids = uid === undefined ? {} : { uid, ...(gid === undefined ? {} : { gid }), gids: gids ?? [] }
    const path = await homes.ensure({ folder, ...ids, ...(home === undefined ? {} : { home }) })
    return { owner: { name: user.name, login, ...ids, home: path }, shell }
  }
}
