import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { systemActor } from '#observe/audit.ts'
import { createFakeClock } from '#platform/fake-clock.ts'
import type { Store } from '#store/store.ts'
import { testStoreKinds } from '#store/testing.ts'

import { createTestIdentity } from './testing.ts'
import { buildGroupFolder, createUnixGroups } from './unix-groups.ts'

const clock = createFakeClock()
type Identity = ReturnType<typeof createTestIdentity>

for (const kind of testStoreKinds) {
  describe(`groups on the machines, on ${kind.kind}`, () => {
    const withIdentity = async (check: (identity: Identity, open: () => Promise<Store>) => Promise<void>) => {
      const site = await kind.createSite()
      const stores: Store[] = []
      const open = async () => {
        const store = await site.open({ clock })
        stores.push(store)
        return store
      }
      const identity = createTestIdentity({ store: await open(), clock })
      try {
        await identity.users.create([{ name: 'alice' }, { name: 'bob' }], systemActor)
        await check(identity, open)
      } finally {
        await identity.close()
        for (const store of stores) await store.close()
        await site.dispose()
      }
    }

    test('have one number and folder each, the same for all members', () =>
      withIdentity(async (identity, open) => {
        const groups = createUnixGroups({ store: await open() })
        const [alice, bob] = [await identity.users.get('alice'), await identity.users.get('bob')]
        assert.deepEqual(await groups.ensureOf(alice.id), [])
        await identity.groups.create([{ name: 'physics', users: ['alice', 'bob'] }], systemActor)
        await identity.groups.create([{ name: '..b', users: ['alice'] }], systemActor)
        const ofAlice = await groups.ensureOf(alice.id)
        assert.deepEqual(
          ofAlice.map(({ folder }) => folder),
          ['physics', buildGroupFolder('..b')],
        )
        assert.equal(new Set(ofAlice.map(({ gid }) => gid)).size, 2)
        assert.deepEqual(await groups.ensureOf(bob.id), [ofAlice[0]])
        assert.deepEqual(await groups.ensureOf(alice.id), ofAlice)
        assert.equal((await identity.groups.find('physics'))?.gid, ofAlice[0]?.gid)
      }))

    test('a new group gets neither number nor folder of one that was deleted', () =>
      withIdentity(async (identity, open) => {
        const groups = createUnixGroups({ store: await open() })
        const { id } = await identity.users.get('alice')
        const create = () => identity.groups.create([{ name: 'physics', users: ['alice'] }], systemActor)
        await create()
        const [before] = await groups.ensureOf(id)
        await identity.groups.remove('physics', systemActor)
        assert.deepEqual(await groups.ensureOf(id), [])
        await create()
        const [after] = await groups.ensureOf(id)
        assert.equal(after?.folder, 'physics-2')
        assert.ok((after?.gid ?? 0) > (before?.gid ?? 0))
      }))

    test('several replicas that meet a group at once agree', () =>
      withIdentity(async (identity, open) => {
        const names = Array.from({ length: 8 }, (_, index) => ({ name: `group ${index}`, users: ['alice'] }))
        await identity.groups.create(names, systemActor)
        const { id } = await identity.users.get('alice')
        const first = await open()
        // SQLite is for one control plane.
        const other = async () => (kind.kind === 'sqlite' ? first : await open())
        const replicas = await Promise.all(
          [1, 2, 3, 4].map(async () => createUnixGroups({ store: await other() })),
        )
        const answers = await Promise.all(replicas.map((groups) => groups.ensureOf(id)))
        assert.equal(new Set(answers[0]?.map(({ gid }) => gid)).size, 8)
        for (const answer of answers) assert.deepEqual(answer, answers[0])
      }))
  })
}

test('folders of hostile names are one safe part of a path, and no two are the same', () => {
  const hostile = [
    '..',
    '../physics',
    'physics',
    'Physics',
    'рhysics',
    'physics ',
    'a'.repeat(300),
    '-rf',
    '🦊',
    '𝔭',
    'x\ny',
  ]
  const folders = hostile.map(buildGroupFolder)
  for (const folder of folders) assert.match(folder, /^[a-z0-9][a-z0-9_-]{0,62}$/)
  assert.equal(new Set(folders).size, hostile.length)
})
