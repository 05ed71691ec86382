import { PlatformError } from '@atrium/contract/errors.ts'
import type { Store } from '#store/store.ts'

import type { SystemAccount, SystemAccounts } from './system-accounts.ts'
import { isPerson, type UnixAccounts } from './unix-accounts.ts'
import type { User } from './users.ts'

interface ClusterAccountsOptions {
  store: Store
  system: SystemAccounts
}

/**
 * Accounts where jobs run on machines that know their users themselves: everybody has the one of their name, as this machine's name service
 * tells it, which has to be the cluster's. None is made, and no number invented. `ensure` throws `conflict`, with what to do, for a user
 * without one.
 */
export function createClusterAccounts({ store, system }: ClusterAccountsOptions): UnixAccounts {
  return {
    async ensure(user) {
      // A user who was renamed keeps the account they had.
      const login = user.login ?? user.name
      const account = await system.find(login)
      if (account === undefined || !isPerson(account)) throw refuse(login, account)
      if (user.login === null) await fixLogin(store, user, account)
      const { uid, gid, gids, home, shell } = account
      return { login, folder: login, uid, gid, gids, home, shell }
    },
  }
}

function refuse(login: string, account: SystemAccount | undefined): PlatformError {
  const message =
    account === undefined
      ? `There is no account named ${login} on the cluster. Ask its administrators for one.`
      : `${login} is an account of the system: no servers run as it.`
  return new PlatformError('conflict', { message })
}

async function fixLogin(store: Store, user: User, { login, uid, gid }: SystemAccount): Promise<void> {
  await store.transaction(async (tx) => {
    const other = await tx.db
      .selectFrom('users')
      .select('name')
      .where('id', '!=', user.id)
      .where((where) => where.or([where('login', '=', login), where('uid', '=', uid)]))
      .executeTakeFirst()
    if (other !== undefined) {
      const message = `The account ${login} of the cluster belongs to the user ${other.name}. An administrator must say whose it is.`
      throw new PlatformError('conflict', { message })
    }
    await tx.db.updateTable('users').set({ login, uid, gid }).where('id', '=', user.id).execute()
    tx.changed('user', user.name)
  })
}
