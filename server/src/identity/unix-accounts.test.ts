import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { systemActor } from '#observe/audit.ts'
import { createFakeClock } from '#platform/fake-clock.ts'
import type { Store } from '#store/store.ts'
import { testStoreKinds } from '#store/testing.ts'

import { parsePasswdLine, type SystemAccount } from './system-accounts.ts'
import { createTestIdentity } from './testing.ts'
import { buildFolderName, createUnixAccounts } from './unix-accounts.ts'

const clock = createFakeClock()
const self = { login: 'atrium', shell: '/bin/bash' }
const uids = { first: 200_000, last: 200_003 }

const machine: readonly SystemAccount[] = [
  { login: 'root', uid: 0, gid: 0, gids: [0], home: '/root', shell: '/bin/sh' },
  { login: 'www-data', uid: 33, gid: 33, gids: [33], home: '/var/www', shell: '/usr/sbin/nologin' },
  { login: 'alice', uid: 1001, gid: 1001, gids: [1001, 27], home: '/home/alice', shell: '/bin/zsh' },
  { login: 'nobody', uid: 65_534, gid: 65_534, gids: [], home: '/nonexistent', shell: '/bin/false' },
]
const system = { find: async (login: string) => machine.find((account) => account.login === login) }

for (const kind of testStoreKinds) {
  describe(`Unix accounts on ${kind.kind}`, () => {
    const withStore = async (
      check: (store: Store, create: (name: string) => ReturnType<typeof createUser>) => Promise<void>,
    ) => {
      const site = await kind.createSite()
      const store = await site.open({ clock })
      const identity = createTestIdentity({ store, clock })
      try {
        await check(store, (name) => createUser(identity, name))
      } finally {
        await identity.close()
        await store.close()
        await site.dispose()
      }
    }

    async function createUser(identity: ReturnType<typeof createTestIdentity>, name: string) {
      await identity.users.create([{ name }], systemActor)
      const { id } = await identity.users.get(name)
      return async () => {
        const user = await identity.users.findById(id)
        assert.ok(user)
        return user
      }
    }

    test('as root are the machine’s own for a person of that name', () =>
      withStore(async (store, create) => {
        const accounts = createUnixAccounts({ store, system, uids, self })
        const alice = await create('alice')
        const account = { login: 'alice', folder: 'alice', uid: 1001, gid: 1001, gids: [1001, 27] }
        const expected = { ...account, home: '/home/alice', shell: '/bin/zsh' }
        assert.deepEqual(await accounts.ensure(await alice()), expected)
        assert.deepEqual(await accounts.ensure(await alice()), expected)
      }))

    test('as root are never the machine’s for its system accounts, nor for who has a password of ours', () =>
      withStore(async (store, create) => {
        const accounts = createUnixAccounts({ store, system, uids, self })
        for (const name of ['root', 'www-data', 'nobody']) {
          const account = await accounts.ensure(await (await create(name))())
          assert.ok((account.uid ?? 0) >= uids.first, name)
          assert.equal(account.home, undefined)
        }
        const alice = await create('alice')
        const account = await accounts.ensure({ ...(await alice()), hasPassword: true })
        assert.deepEqual([account.uid, account.home], [200_003, undefined])
      }))

    test('as root get a number of their own, never one that was given before', () =>
      withStore(async (store, create) => {
        const accounts = createUnixAccounts({ store, system, uids, self })
        const bob = await create('bob')
        const [first, again] = await Promise.all([accounts.ensure(await bob()), accounts.ensure(await bob())])
        assert.deepEqual([first.uid, again.uid], [200_000, 200_000])
        await store.db.deleteFrom('users').where('name', '=', 'bob').execute()
        const carol = await accounts.ensure(await (await create('carol'))())
        assert.equal(carol.uid, 200_001)
      }))

    test('as root say when there is no number left', () =>
      withStore(async (store, create) => {
        const accounts = createUnixAccounts({ store, system, uids: { first: 5000, last: 5000 }, self })
        await accounts.ensure(await (await create('bob'))())
        await assert.rejects(accounts.ensure(await (await create('carol'))()), /have been given out/)
      }))

    test('unprivileged are the platform’s own, with a folder that stays when the user is renamed', () =>
      withStore(async (store, create) => {
        const accounts = createUnixAccounts({ store, system, self })
        const bob = await create('bob')
        assert.deepEqual(await accounts.ensure(await bob()), {
          login: 'atrium',
          folder: 'bob',
          shell: '/bin/bash',
        })
        await store.db.updateTable('users').set({ name: 'robert' }).where('name', '=', 'bob').execute()
        const renamed = await accounts.ensure(await bob())
        assert.equal(renamed.folder, 'bob')
        const other = await accounts.ensure(await (await create('bob'))())
        assert.equal(other.folder, 'bob-2')
      }))
  })
}

test('folders are one safe part of a path, whatever the name', () => {
  assert.equal(buildFolderName('alice'), 'alice')
  const hostile = [
    '..',
    '.',
    '',
    'a/b',
    '../../etc',
    '-rf',
    'a b',
    'Ålice',
    'x'.repeat(200),
    'a\0b',
    '0',
    '名前',
  ]
  const folders = hostile.map(buildFolderName)
  for (const folder of folders) assert.match(folder, /^[a-z][a-z0-9-]{0,40}$/)
  assert.equal(new Set(folders).size, hostile.length)
})

test('lines of passwd(5) are read, and others are none', () => {
  assert.deepEqual(parsePasswdLine('alice:x:1001:1002:Alice,,,:/home/alice:/bin/bash\n'), {
    login: 'alice',
    uid: 1001,
    gid: 1002,
    home: '/home/alice',
    shell: '/bin/bash',
  })
  for (const line of ['', 'alice', 'alice:x:abc:1::/:/']) assert.equal(parsePasswdLine(line), undefined)
})
