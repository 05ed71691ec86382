import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import {
  createClient,
  type HubClient,
  type HubReplica,
  openClient,
  withHubSite,
} from '#http/testing/hub-site.ts'
import { hasScope } from '#identity/principal.ts'
import { systemActor } from '#observe/audit.ts'
import { testStoreKinds } from '#store/testing.ts'

/** Alice and her server, an administrator who may name everybody, and Bob. */
async function createPeople(replica: HubReplica) {
  const admin = await createClient(replica, 'root-admin', { admin: true })
  const alice = await createClient(replica, 'alice')
  const bob = await createClient(replica, 'bob')
  await alice.request('PUT', '/hub/api/users/alice/servers/gpu')
  return { admin, alice, bob }
}

async function canOpen({ identity }: HubReplica, { token }: HubClient, server: string): Promise<boolean> {
  const principal = await identity.principals.findByToken(token)
  return principal !== undefined && hasScope(principal, 'access:servers', { user: 'alice', server })
}

const path = '/hub/api/shares/alice/gpu'

for (const kind of testStoreKinds) {
  describe(`shares on ${kind.kind}`, () => {
    test('let a user in at once, and out at once', () =>
      withHubSite(kind, async (_site, replica) => {
        const { admin, bob } = await createPeople(replica)
        assert.equal(await canOpen(replica, bob, 'gpu'), false)
        const granted = await admin.request('POST', path, { user: 'bob' })
        assert.equal(granted.statusCode, 200, granted.body)
        const { created_at, ...share } = JSON.parse(granted.body)
        assert.ok(Date.parse(created_at) > 0)
        assert.deepEqual(share, {
          server: {
            user: { name: 'alice' },
            name: 'gpu',
            url: '/user/alice/gpu/',
            full_url: null,
            ready: false,
          },
          scopes: ['access:servers!server=alice/gpu'],
          user: { name: 'bob' },
          group: null,
          kind: 'user',
        })
        assert.equal(await canOpen(replica, bob, 'gpu'), true)
        assert.equal(await canOpen(replica, bob, ''), false)
        const revoked = await admin.request('PATCH', path, { user: 'bob' })
        assert.deepEqual([revoked.statusCode, revoked.body], [200, '{}'])
        assert.equal(await canOpen(replica, bob, 'gpu'), false)
      }))

    test('of a default server that was never started are as good', () =>
      withHubSite(kind, async (_site, replica) => {
        const { admin, alice, bob } = await createPeople(replica)
        const standard = '/hub/api/shares/alice/'
        assert.deepEqual(JSON.parse((await alice.request('GET', standard)).body).items, [])
        assert.equal((await admin.request('POST', standard, { user: 'bob' })).statusCode, 200)
        assert.equal(await canOpen(replica, bob, ''), true)
        assert.equal(JSON.parse((await alice.request('GET', standard)).body).items.length, 1)
      }))

    test('add up, and are taken back scope by scope', () =>
      withHubSite(kind, async (_site, replica) => {
        const { admin } = await createPeople(replica)
        const filter = '!server=alice/gpu'
        await admin.request('POST', path, { user: 'bob' })
        const more = await admin.request('POST', path, { user: 'bob', scopes: ['read:servers'] })
        const both = [`access:servers${filter}`, `read:servers${filter}`]
        assert.deepEqual(JSON.parse(more.body).scopes, both)
        const less = await admin.request('PATCH', path, { user: 'bob', scopes: [`read:servers${filter}`] })
        assert.deepEqual(JSON.parse(less.body).scopes, [both[0]])
        assert.equal((await admin.request('PATCH', path, { user: 'nobody' })).body, '{}')
      }))

    test('with a group are its members’', () =>
      withHubSite(kind, async (_site, replica) => {
        const { admin, bob } = await createPeople(replica)
        await replica.identity.groups.create([{ name: 'physics', users: ['bob'] }], systemActor)
        assert.equal((await admin.request('POST', path, { group: 'physics' })).statusCode, 200)
        assert.equal(await canOpen(replica, bob, 'gpu'), true)
        const mine = JSON.parse((await bob.request('GET', '/hub/api/users/bob/shared')).body)
        assert.deepEqual(mine._pagination, { offset: 0, limit: 200, total: 1, next: null })
        assert.deepEqual([mine.items[0].kind, mine.items[0].group], ['group', { name: 'physics' }])
        const groups = await admin.request('GET', '/hub/api/groups/physics/shared')
        assert.equal(JSON.parse(groups.body).items.length, 1)
        const left = await admin.request('DELETE', '/hub/api/groups/physics/shared/alice/gpu')
        assert.equal(left.statusCode, 204)
        assert.equal(await canOpen(replica, bob, 'gpu'), false)
      }))

    test('are listed for owner, server and recipient, who can give them up', () =>
      withHubSite(kind, async (_site, replica) => {
        const { admin, alice, bob } = await createPeople(replica)
        await admin.request('POST', path, { user: 'bob' })
        await admin.request('POST', path, { user: 'root-admin' })
        for (const url of ['/hub/api/shares/alice', path]) {
          const listed = await alice.request('GET', `${url}?limit=1`, undefined, { host: 'hub.example' })
          const { items, _pagination } = JSON.parse(listed.body)
          assert.equal(items.length, 1)
          assert.deepEqual(_pagination.next, {
            offset: 1,
            limit: 1,
            url: `http://hub.example${url}?limit=1&offset=1`,
          })
        }
        const own = '/hub/api/users/bob/shared/alice/gpu'
        assert.equal(JSON.parse((await bob.request('GET', own)).body).user.name, 'bob')
        assert.equal((await bob.request('DELETE', own)).statusCode, 204)
        const gone = await bob.request('GET', own)
        assert.deepEqual(
          [gone.statusCode, JSON.parse(gone.body).message],
          [404, 'No such share for user bob on alice/gpu'],
        )
        assert.equal((await admin.request('DELETE', path)).statusCode, 204)
        assert.deepEqual(JSON.parse((await alice.request('GET', path)).body).items, [])
      }))

    test('nobody gives what they do not have, names whom they may not know, or shares another’s server', () =>
      withHubSite(kind, async (_site, replica) => {
        const { alice, bob, admin } = await createPeople(replica)
        assert.equal((await alice.request('POST', path, { user: 'bob' })).statusCode, 403)
        assert.equal((await bob.request('POST', path, { user: 'bob' })).statusCode, 403)
        const narrow = await openClient(replica, admin.user, ['shares!server=alice/gpu'])
        const unknown = await narrow.request('POST', path, { user: 'bob' })
        assert.equal(
          JSON.parse(unknown.body).message,
          "Need scope 'read:users:name' to share with users by name",
        )
        const beyond = await narrow.request('POST', path, { user: 'bob', scopes: ['start:servers'] })
        assert.equal(
          JSON.parse(beyond.body).message,
          'Do not have permission to grant share with scope start:servers!server=alice/gpu',
        )
        assert.equal((await bob.request('GET', path)).statusCode, 404)
      }))

    test('what makes no sense is refused', () =>
      withHubSite(kind, async (_site, replica) => {
        const { admin } = await createPeople(replica)
        const post = async (body: unknown, url = path) => {
          const { statusCode, body: text } = await admin.request('POST', url, body)
          return [statusCode, JSON.parse(text).message]
        }
        assert.deepEqual(await post({}), [400, 'Specify exactly one of `user` or `group`'])
        assert.deepEqual(await post({ user: 'bob', group: 'x' }), [
          400,
          'Expected exactly one of `user` or `group`, not both.',
        ])
        assert.deepEqual(await post({ user: 'bob', scopes: ['nonsense'] }), [400, 'No such scope: nonsense'])
        assert.deepEqual(await post({ user: 'bob', scopes: ['access:servers!user=alice'] }), [
          400,
          '!user=alice not allowed on sharing access:servers!user=alice, only !server=alice/gpu',
        ])
        assert.deepEqual(await post({ user: 'nobody' }), [400, 'No such user: nobody'])
        assert.deepEqual(await post({ user: 'bob' }, '/hub/api/shares/alice/missing'), [
          404,
          'No such server: alice/missing',
        ])
        assert.equal((await admin.request('POST', '/hub/api/shares/alice', { user: 'bob' })).statusCode, 405)
      }))

    test('follow a server that gets another name, and end with one that goes', () =>
      withHubSite(kind, async (_site, replica) => {
        const { admin, alice, bob } = await createPeople(replica)
        await admin.request('POST', path, { user: 'bob' })
        assert.equal(await canOpen(replica, bob, 'gpu'), true)
        await alice.request('PATCH', '/hub/api/users/alice/servers/gpu', { name: 'tpu' })
        assert.deepEqual(
          [await canOpen(replica, bob, 'gpu'), await canOpen(replica, bob, 'tpu')],
          [false, true],
        )
        await alice.request('DELETE', '/hub/api/users/alice/servers/tpu', { remove: true })
        assert.equal(await canOpen(replica, bob, 'tpu'), false)
      }))

    test('end with their owner, whatever the owner is called afterwards', () =>
      withHubSite(kind, async (_site, replica) => {
        const { admin, bob } = await createPeople(replica)
        await admin.request('POST', path, { user: 'bob' })
        assert.equal(await canOpen(replica, bob, 'gpu'), true)
        await replica.identity.users.update('alice', { name: 'alicia' }, systemActor)
        assert.equal(await canOpen(replica, bob, 'gpu'), false)
        await replica.identity.users.update('alicia', { name: 'alice' }, systemActor)
        assert.equal(await canOpen(replica, bob, 'gpu'), true)
        await replica.identity.users.remove('alice', systemActor)
        assert.equal(await canOpen(replica, bob, 'gpu'), false)
      }))
  })

  describe(`share codes on ${kind.kind}`, () => {
    const codes = '/hub/api/share-codes/alice/gpu'

    test('are seen once and exchanged for a share', () =>
      withHubSite(kind, async (_site, replica) => {
        const { alice, bob } = await createPeople(replica)
        const owner = await openClient(replica, alice.user)
        await replica.identity.roles
          .give('admin', { kind: 'user', name: 'alice' }, systemActor)
          .catch(() => {})
        const admin = await createClient(replica, 'second-admin', { admin: true })
        const made = await admin.request('POST', codes, { expires_in: 60 })
        assert.equal(made.statusCode, 200, made.body)
        const { code, id, accept_url, full_accept_url, expires_at, created_at } = JSON.parse(made.body)
        assert.equal(accept_url, `/hub/accept-share?code=${code}`)
        assert.equal(full_accept_url, null)
        assert.equal(Date.parse(expires_at) - Date.parse(created_at), 60_000)
        const stored = await replica.store.db.selectFrom('share_codes').selectAll().execute()
        assert.ok(!JSON.stringify(stored).includes(code))
        const share = await replica.hub.shareCodes.exchange(code, bob.user, systemActor)
        assert.deepEqual([share.user, share.scopes], ['bob', ['access:servers!server=alice/gpu']])
        assert.equal(await canOpen(replica, bob, 'gpu'), true)
        const listed = JSON.parse((await owner.request('GET', codes)).body).items
        assert.deepEqual([listed[0].id, listed[0].exchange_count, listed[0].code], [id, 1, undefined])
        assert.ok(Date.parse(listed[0].last_exchanged_at) > 0)
        await assert.rejects(
          replica.hub.shareCodes.exchange(code, alice.user, systemActor),
          /share with yourself/,
        )
        await assert.rejects(
          replica.hub.shareCodes.exchange('wrong', bob.user, systemActor),
          /not found or expired/,
        )
      }))

    test('end one by one, by secret or id, or all at once', () =>
      withHubSite(kind, async (_site, replica) => {
        const { admin } = await createPeople(replica)
        const create = async () => JSON.parse((await admin.request('POST', codes, {})).body)
        const [first, second] = [await create(), await create()]
        await create()
        const remove = async (query: string) => (await admin.request('DELETE', `${codes}${query}`)).statusCode
        assert.equal(await remove(`?code=${first.code}`), 204)
        assert.equal(await remove(`?code=${first.code}`), 404)
        assert.equal(await remove(`?id=${second.id}`), 204)
        assert.equal(await remove(`?id=${second.id}`), 404)
        assert.equal(await remove('?id=nonsense'), 404)
        assert.equal(
          JSON.parse((await admin.request('GET', '/hub/api/share-codes/alice')).body).items.length,
          1,
        )
        assert.equal(await remove(''), 204)
        assert.deepEqual(JSON.parse((await admin.request('GET', codes)).body).items, [])
      }))

    test('last from a minute to a year', () =>
      withHubSite(kind, async (_site, replica) => {
        const { admin } = await createPeople(replica)
        for (const expires_in of [59, 366 * 86_400, '60', 60.5])
          assert.equal((await admin.request('POST', codes, { expires_in })).statusCode, 400)
      }))
  })
}
