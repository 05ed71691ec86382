import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { openIdentitySite } from '#identity/testing.ts'
import { systemActor } from '#observe/audit.ts'
import { testStoreKinds } from '#store/testing.ts'

import { createFirstLink } from './first-link.ts'

const edge = { publicUrl: 'http://127.0.0.1:8000' }

for (const kind of testStoreKinds) {
  describe(`the way in for the first administrator on ${kind.kind}`, () => {
    test('is the link of the last start alone, until somebody has used it', async (t) => {
      const { identity, store } = await openIdentitySite(t, kind)
      const links: string[] = []
      for (let start = 0; start < 3; start += 1)
        links.push(findSecret(await createFirstLink({ identity, edge, store })))
      const [first = '', second = '', last = ''] = links
      const input = { username: 'root', password: 'a few random words' }
      for (const secret of [first, second])
        await assert.rejects(identity.links.use(secret, input, ''), { code: 'gone' })
      assert.equal((await identity.links.use(last, input, '')).user.admin, true)
      assert.equal(await createFirstLink({ identity, edge, store }), undefined)
      assert.deepEqual(await identity.links.listInvitations(), [])
    })

    test('leaves invitations alone that somebody else made', async (t) => {
      const { identity, store } = await openIdentitySite(t, kind)
      await identity.links.createInvitation({ groups: [], admin: false }, { name: 'user:root' })
      await identity.users.create([{ name: 'root', admin: true }], systemActor)
      await createFirstLink({ identity, edge, store })
      await createFirstLink({ identity, edge, store })
      assert.deepEqual(
        (await identity.links.listInvitations()).map(({ createdBy }) => createdBy).toSorted(),
        ['system', 'user:root'],
      )
    })
  })
}

function findSecret(url: string | undefined): string {
  return new URL(url ?? '').hash.replace('#token=', '')
}
