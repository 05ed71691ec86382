import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { systemActor } from '#observe/audit.ts'
import { testStoreKinds } from '#store/testing.ts'
import { createClusterAccounts } from './cluster-accounts.ts'
import type { SystemAccount } from './system-accounts.ts'
import { openIdentitySite } from './testing.ts'

const machine: readonly SystemAccount[] = [
  { login: 'alice', uid: 2001, gid: 100, gids: [100, 500], home: '/nfs/alice', shell: '/bin/zsh' },
  { login: 'twin', uid: 2001, gid: 100, gids: [100], home: '/nfs/twin', shell: '/bin/sh' },
  { login: 'daemon', uid: 1, gid: 1, gids: [1], home: '/', shell: '/usr/sbin/nologin' },
  { login: 'root', uid: 0, gid: 0, gids: [0], home: '/root', shell: '/bin/sh' },
]
const system = { find: async (login: string) => machine.find((account) => account.login === login) }

for (const kind of testStoreKinds) {
  describe(`accounts of a cluster on ${kind.kind}`, () => {
    test('are those of its own name service, before and after a user is renamed', async (t) => {
      const { store, identity } = await openIdentitySite(t, kind)
      const accounts = createClusterAccounts({ store, system })
      await identity.users.create([{ name: 'alice' }], systemActor)
      const expected = {
        ...{ login: 'alice', folder: 'alice', uid: 2001, gid: 100, gids: [100, 500] },
        ...{ home: '/nfs/alice', shell: '/bin/zsh' },
      }
      assert.deepEqual(await accounts.ensure(await identity.users.get('alice')), expected)
      await identity.users.update('alice', { name: 'root' }, systemActor)
      assert.deepEqual(await accounts.ensure(await identity.users.get('root')), expected)
    })

    test('are never made, shared, or the system’s', async (t) => {
      const { store, identity } = await openIdentitySite(t, kind)
      const accounts = createClusterAccounts({ store, system })
      const names = ['nobody-there', 'root', 'daemon', 'alice', 'twin']
      await identity.users.create(
        names.map((name) => ({ name })),
        systemActor,
      )
      const refusal = async (name: string) => {
        const user = await identity.users.get(name)
        const error = await accounts.ensure(user).then(
          () => undefined,
          (reason: Error) => reason,
        )
        return error?.message
      }
      assert.match((await refusal('nobody-there')) ?? '', /no account named nobody-there on the cluster/)
      assert.match((await refusal('root')) ?? '', /account of the system/)
      assert.match((await refusal('daemon')) ?? '', /account of the system/)
      assert.equal(await refusal('alice'), undefined)
      assert.match((await refusal('twin')) ?? '', /belongs to the user alice/)
    })
  })
}
