import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { systemActor } from '#observe/audit.ts'
import { waitFor } from '#platform/wait-for.ts'
import { testStoreKinds } from '#store/testing.ts'
import { hasScope, type Principal } from './principal.ts'
import { type IdentityReplica, openIdentitySite } from './testing.ts'

const owner = (user: { id: number; name: string }) =>
  ({ kind: 'user', id: user.id, name: user.name }) as const
const noConfig = { admins: [], groups: {}, roles: [] }
const noSubjects = { description: '', users: [], groups: [], services: [] }

async function createUser({ identity }: IdentityReplica, name: string, groups: readonly string[] = []) {
  const [user] = await identity.users.create([{ name, groups }], systemActor)
  assert.ok(user)
  return user
}

for (const kind of testStoreKinds) {
  describe(`principals on ${kind.kind}`, () => {
    test('a token is its owner, cut to its scopes, from memory the second time', async (t) => {
      const site = await openIdentitySite(t, kind)
      const alice = await createUser(site, 'alice')
      const { secret } = await site.identity.tokens.create(
        { owner: owner(alice), scopes: ['read:users!user'], note: 'x' },
        systemActor,
      )
      const first = await site.identity.principals.findByToken(secret)
      assert.equal(first?.name, 'alice')
      assert.ok(hasScope(first, 'read:users:activity', { user: 'alice' }))
      assert.ok(!hasScope(first, 'read:users', { user: 'bob' }))
      assert.ok(!hasScope(first, 'servers', { user: 'alice' }))
      assert.equal(site.identity.principals.findByToken(secret), first)
      assert.equal(await site.identity.principals.findByToken(`${secret}x`), undefined)
      assert.equal(await site.identity.principals.findBySession(secret), undefined, 'a token is no session')
    })

    test('revoking a token, removing its owner or ending a session acts at once', async (t) => {
      const site = await openIdentitySite(t, kind)
      const { tokens, sessions, users, principals } = site.identity
      const alice = await createUser(site, 'alice')
      const bob = await createUser(site, 'bob')
      const one = await tokens.create({ owner: owner(alice), scopes: ['inherit'], note: '' }, systemActor)
      const two = await tokens.create({ owner: owner(bob), scopes: ['inherit'], note: '' }, systemActor)
      const { session, secret } = await sessions.create(alice, { remote: '::1', userAgent: 'x' })
      const oauth = await site.store.transaction((tx) =>
        tokens.issue(tx, {
          owner: owner(alice),
          scopes: [],
          note: '',
          clientId: 'service-x',
          sessionId: session.sessionId,
        }),
      )
      for (const token of [one, two, oauth]) assert.ok(await principals.findByToken(token.secret))
      assert.ok(await principals.findBySession(secret))
      await sessions.end(alice.id, session.sessionId, systemActor)
      assert.equal(await principals.findBySession(secret), undefined)
      assert.equal(await principals.findByToken(oauth.secret), undefined, 'its OAuth tokens end with it')
      await tokens.revoke(owner(alice), `a${one.token.id}`, systemActor)
      assert.equal(await principals.findByToken(one.secret), undefined)
      await users.remove('bob', systemActor)
      assert.equal(await principals.findByToken(two.secret), undefined)
    })

    test('roles, groups and shares change what a held token may do', async (t) => {
      const site = await openIdentitySite(t, kind)
      const { identity, store, clock } = site
      await identity.applyConfig({
        ...noConfig,
        groups: { physics: { users: ['carol'], properties: {} } },
        roles: [
          {
            ...noSubjects,
            name: 'lead',
            scopes: ['list:users!group=physics', 'servers!group=physics'],
            users: ['lee'],
          },
          { ...noSubjects, name: 'reader', scopes: ['read:hub'], groups: ['physics'] },
        ],
      })
      const alice = await createUser(site, 'alice')
      const lee = await identity.users.get('lee')
      const make = async (user: typeof alice) =>
        (await identity.tokens.create({ owner: owner(user), scopes: ['inherit'], note: '' }, systemActor))
          .secret
      const [ofAlice, ofLee] = [await make(alice), await make(lee)]
      const ask = async (secret: string) => {
        const principal = await identity.principals.findByToken(secret)
        assert.ok(principal)
        return principal
      }
      assert.ok(!hasScope(await ask(ofAlice), 'read:hub'))
      assert.ok(!hasScope(await ask(ofLee), 'servers', { user: 'alice', server: '' }))
      await identity.groups.addMembers('physics', ['alice'], systemActor)
      assert.ok(hasScope(await ask(ofAlice), 'read:hub'))
      assert.ok(hasScope(await ask(ofLee), 'servers', { user: 'alice', server: '' }))
      await identity.groups.removeMembers('physics', ['alice'], systemActor)
      assert.ok(!hasScope(await ask(ofAlice), 'read:hub'))
      assert.ok(!hasScope(await ask(ofLee), 'servers', { user: 'alice', server: '' }))
      await identity.users.update('alice', { admin: true }, systemActor)
      assert.ok(hasScope(await ask(ofAlice), 'shutdown'))
      await identity.users.update('alice', { admin: false }, systemActor)
      assert.ok(!hasScope(await ask(ofAlice), 'shutdown'))

      await store.transaction(async (tx) => {
        const { id } = await tx.db
          .insertInto('servers')
          .values({ user_id: lee.id, name: 'gpu', display_name: '', user_options: '{}', created_at: 0 })
          .returning('id')
          .executeTakeFirstOrThrow()
        const share = {
          server_id: id,
          owner_id: lee.id,
          user_id: alice.id,
          scopes: '["access:servers!server=lee/gpu"]',
        }
        await tx.db
          .insertInto('shares')
          .values({ ...share, created_at: 0, expires_at: clock.now() + 1000 })
          .execute()
        tx.changed('share', 'user alice')
      })
      assert.ok(hasScope(await ask(ofAlice), 'access:servers', { user: 'lee', server: 'gpu' }))
      assert.ok(!hasScope(await ask(ofAlice), 'access:servers', { user: 'lee', server: '' }))
      await clock.advance(1000)
      assert.ok(
        !hasScope(await ask(ofAlice), 'access:servers', { user: 'lee', server: 'gpu' }),
        'it has expired',
      )
    })

    test('a token written out loses what its owner loses, and gets it back', async (t) => {
      const site = await openIdentitySite(t, kind)
      const { users, tokens, principals } = site.identity
      const alice = await createUser(site, 'alice')
      await users.update('alice', { admin: true }, systemActor)
      const { secret } = await tokens.create(
        { owner: owner(alice), scopes: ['list:users', 'read:users!user=bob'], note: '' },
        systemActor,
      )
      const mayList = async () => {
        const principal = await principals.findByToken(secret)
        assert.ok(principal)
        return [hasScope(principal, 'list:users'), hasScope(principal, 'read:users', { user: 'bob' })]
      }
      assert.deepEqual(await mayList(), [true, true])
      await users.update('alice', { admin: false }, systemActor)
      assert.deepEqual(await mayList(), [false, false])
      await users.update('alice', { admin: true }, systemActor)
      assert.deepEqual(await mayList(), [true, true])
    })

    test('a renamed user keeps tokens, which are of the new name', async (t) => {
      const site = await openIdentitySite(t, kind)
      const { identity } = site
      const alice = await createUser(site, 'alice')
      const { secret } = await identity.tokens.create(
        { owner: owner(alice), scopes: ['self'], note: '' },
        systemActor,
      )
      await identity.principals.findByToken(secret)
      await identity.users.update('alice', { name: 'Alicia' }, systemActor)
      const principal = await identity.principals.findByToken(secret)
      assert.equal(principal?.name, 'alicia')
      assert.ok(hasScope(principal, 'servers', { user: 'alicia' }))
      assert.ok(!hasScope(principal, 'servers', { user: 'alice' }))
    })

    test('sessions last as long as they are used, tokens until their end', async (t) => {
      const site = await openIdentitySite(t, kind)
      const { identity, clock } = site
      const alice = await createUser(site, 'alice')
      const { secret } = await identity.sessions.create(alice, { remote: '', userAgent: '' })
      const token = await identity.tokens.create(
        { owner: owner(alice), scopes: ['self'], note: '', expiresInMs: 60_000 },
        systemActor,
      )
      assert.ok(await identity.principals.findByToken(token.secret))
      const dayMs = 86_400_000
      for (let day = 0; day < 20; day += 1) {
        assert.ok(await identity.principals.findBySession(secret), `day ${day}`)
        await identity.activity.flush()
        await clock.advance(dayMs)
      }
      assert.equal(await identity.principals.findByToken(token.secret), undefined)
      await clock.advance(14 * dayMs)
      assert.equal(await identity.principals.findBySession(secret), undefined)
      await identity.removeExpired()
      assert.deepEqual(await site.store.db.selectFrom('sessions').select('id').execute(), [])
      assert.deepEqual(await site.store.db.selectFrom('tokens').select('id').execute(), [])
    })

    test('use is remembered of token and owner, but not of the owner when a server uses its own token', async (t) => {
      const site = await openIdentitySite(t, kind)
      const { identity, clock, store } = site
      const alice = await createUser(site, 'alice')
      const { id } = await store.db
        .insertInto('servers')
        .values({ user_id: alice.id, name: '', display_name: '', user_options: '{}', created_at: 0 })
        .returning('id')
        .executeTakeFirstOrThrow()
      const own = await store.transaction((tx) =>
        identity.tokens.issue(tx, {
          owner: owner(alice),
          scopes: ['access:servers!server'],
          note: '',
          serverId: id,
        }),
      )
      const principal = (await identity.principals.findByToken(own.secret)) as Principal
      assert.ok(
        hasScope(principal, 'access:servers', { user: 'alice', server: '' }),
        'its server is what !server means',
      )
      await identity.activity.flush()
      assert.equal((await identity.users.get('alice')).lastActivityAtMs, null)
      assert.equal((await identity.tokens.list(owner(alice)))[0]?.lastActivityAtMs, clock.now())
      const token = await identity.tokens.create(
        { owner: owner(alice), scopes: ['self'], note: '' },
        systemActor,
      )
      await identity.principals.findByToken(token.secret)
      await identity.activity.flush()
      assert.equal((await identity.users.get('alice')).lastActivityAtMs, clock.now())
    })
  })
}

for (const kind of testStoreKinds.filter((one) => one.kind === 'postgres')) {
  test('what one replica changes acts on the other', async (t) => {
    const site = await openIdentitySite(t, kind)
    const other = await site.openReplica()
    const alice = await createUser(site, 'alice')
    const { secret, token } = await site.identity.tokens.create(
      { owner: owner(alice), scopes: ['inherit'], note: '' },
      systemActor,
    )
    assert.ok(await other.identity.principals.findByToken(secret))
    await site.identity.users.update('alice', { admin: true }, systemActor)
    await waitFor('the role to arrive', async () => {
      const principal = await other.identity.principals.findByToken(secret)
      return principal !== undefined && hasScope(principal, 'shutdown')
    })
    await site.identity.tokens.revoke(owner(alice), `a${token.id}`, systemActor)
    await waitFor(
      'the revocation to arrive',
      async () => !(await other.identity.principals.findByToken(secret)),
    )
  })
}
