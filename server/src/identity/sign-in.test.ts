import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { systemActor } from '#observe/audit.ts'
import { waitFor } from '#platform/wait-for.ts'
import { testStoreKinds } from '#store/testing.ts'
import { hashPassword, isPassword } from './password-hash.ts'
import { type IdentitySite, openIdentitySite } from './testing.ts'

const password = 'correct horse'

async function createUser({ identity }: IdentitySite, name: string) {
  const [user] = await identity.users.create([{ name }], systemActor)
  assert.ok(user)
  return user
}

test('a password is kept as argon2id with its own salt, and nothing else opens it', async () => {
  const [one, two] = await Promise.all([hashPassword(password), hashPassword(password)])
  assert.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  assert.notEqual(one, two)
  assert.equal(await isPassword(password, one), true)
  assert.equal(await isPassword(`${password} `, one), false)
  assert.equal(await isPassword('', one), false)
  assert.equal(await isPassword(password, 'x'), false)
  assert.equal(await isPassword('zo\u00eb zo\u00eb', await hashPassword('zoe\u0308 zoe\u0308')), true)
  // A test value of the reference implementation, https://github.com/P-H-C/phc-winner-argon2 (src/test.c).
  const foreign = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'
  assert.equal(await isPassword('password', foreign), true)
})

for (const kind of testStoreKinds) {
  describe(`sign-in by password on ${kind.kind}`, () => {
    test('takes the right one in any spelling of the name, and tells nothing of what was wrong', async (t) => {
      const site = await openIdentitySite(t, kind)
      const { passwords } = site.identity
      const alice = await createUser(site, 'alice')
      await createUser(site, 'bob')
      await passwords.setPassword(alice.id, password, systemActor)
      assert.equal((await passwords.signIn('ALICE', password, '::1')).id, alice.id)
      const wrong = [
        ['alice', 'wrong'],
        ['alice', ''],
        ['alice', password.repeat(200)],
        ['bob', ''],
        ['bob', password],
        ['nobody', password],
        ['../../etc', password],
        ['', ''],
      ] as const
      for (const [name, text] of wrong) {
        await assert.rejects(
          passwords.signIn(name, text, '::1'),
          { code: 'wrong_password' },
          `${name}/${text.length}`,
        )
      }
      const refused = await site.store.db
        .selectFrom('audit_events')
        .select('target')
        .where('outcome', '=', 'refused')
        .execute()
      assert.deepEqual([...new Set(refused.map(({ target }) => target))].sort(), ['user:alice', 'user:bob'])
    })

    test('pauses after five failures, for names of nobody too, and longer each time', async (t) => {
      const site = await openIdentitySite(t, kind)
      const { passwords } = site.identity
      const alice = await createUser(site, 'alice')
      await passwords.setPassword(alice.id, password, systemActor)
      for (const name of ['alice', 'nobody']) {
        for (let round = 0; round < 6; round += 1) {
          await assert.rejects(
            passwords.signIn(name, 'wrong', ''),
            { code: 'wrong_password' },
            `${name} ${round}`,
          )
        }
        await assert.rejects(passwords.signIn(name, password, ''), { code: 'too_many_requests' })
      }
      await site.clock.advance(1000)
      await assert.rejects(passwords.signIn('alice', 'wrong', ''), { code: 'wrong_password' })
      await site.clock.advance(1000)
      await assert.rejects(passwords.signIn('alice', password, ''), { code: 'too_many_requests' })
      await site.clock.advance(1000)
      assert.equal((await passwords.signIn('alice', password, '')).id, alice.id)
      await assert.rejects(passwords.signIn('alice', 'wrong', ''), { code: 'wrong_password' })
      assert.equal((await passwords.signIn('alice', password, '')).id, alice.id, 'success ends the counting')
    })

    test('counts names that nobody can have as one, however many they are and however long', async (t) => {
      const { identity } = await openIdentitySite(t, kind)
      const names = ['../etc', 'x'.repeat(500_000), 'a\nb', '', '-rf', 'p\u0430ypal', '/']
      const codes: string[] = []
      for (const name of names)
        await identity.passwords.signIn(name, 'wrong', '').catch(({ code }) => codes.push(code))
      assert.deepEqual(codes, [...Array(6).fill('wrong_password'), 'too_many_requests'])
      await assert.rejects(identity.passwords.signIn('nobody', 'wrong', ''), { code: 'wrong_password' })
    })

    test('counts tries at the same time', async (t) => {
      const site = await openIdentitySite(t, kind)
      const { passwords } = site.identity
      const alice = await createUser(site, 'alice')
      await passwords.setPassword(alice.id, password, systemActor)
      const tries = await Promise.allSettled(
        Array.from({ length: 20 }, () => passwords.signIn('alice', 'wrong', '')),
      )
      const codes = tries.map((one) => (one.status === 'rejected' ? one.reason.code : 'in'))
      assert.equal(codes.filter((code) => code === 'wrong_password').length, 6)
    })

    test('lets a whole class in that signs in at the same moment', async (t) => {
      const site = await openIdentitySite(t, kind)
      const { passwords } = site.identity
      const names = Array.from({ length: 40 }, (_, at) => `student${at}`)
      for (const name of names)
        await passwords.setPassword((await createUser(site, name)).id, password, systemActor)
      const users = await Promise.all(names.map((name) => passwords.signIn(name, password, '')))
      assert.deepEqual(
        users.map(({ name }) => name),
        names,
      )
    })

    test('refuses a flood, and asks PAM a few at a time', async (t) => {
      const gate = Promise.withResolvers<boolean>()
      let asked = 0
      const { identity } = await openIdentitySite(t, kind, {
        checkPam: () => {
          asked += 1
          return gate.promise
        },
      })
      const tries = Array.from({ length: 600 }, (_, at) =>
        identity.passwords.signIn(`guess${at}`, 'wrong', ''),
      )
      const codes: string[] = []
      for (const one of tries) one.catch(({ code }) => codes.push(code))
      await waitFor('some to be refused', () => codes.length === 84)
      assert.equal(asked, 16)
      assert.deepEqual(new Set(codes), new Set(['too_many_requests']))
      gate.resolve(false)
      await Promise.allSettled(tries)
      assert.equal(asked, 516)
      assert.equal(codes.filter((code) => code === 'wrong_password').length, 516)
    })

    test('refuses short and endless new passwords', async (t) => {
      const site = await openIdentitySite(t, kind)
      const alice = await createUser(site, 'alice')
      for (const bad of ['1234567', 'x'.repeat(1025)]) {
        await assert.rejects(site.identity.passwords.setPassword(alice.id, bad, systemActor), {
          code: 'bad_request',
        })
      }
      await assert.rejects(site.identity.passwords.setPassword(999, password, systemActor), {
        code: 'not_found',
      })
    })

    test('asks PAM for who has no password here, and makes who is new', async (t) => {
      const asked: string[] = []
      const site = await openIdentitySite(t, kind, {
        checkPam: async (name, text) => {
          asked.push(name)
          return text === 'pam'
        },
      })
      const { passwords, users } = site.identity
      const alice = await createUser(site, 'alice')
      await passwords.setPassword(alice.id, password, systemActor)
      await assert.rejects(passwords.signIn('alice', 'pam', ''), { code: 'wrong_password' })
      assert.equal((await passwords.signIn('Bob', 'pam', '')).name, 'bob')
      assert.equal((await users.get('bob')).admin, false)
      await assert.rejects(passwords.signIn('carol', 'wrong', ''), { code: 'wrong_password' })
      assert.equal(await users.find('carol'), undefined)
      await assert.rejects(passwords.signIn('-x\n', 'pam', ''), { code: 'wrong_password' })
      assert.deepEqual(asked, ['bob', 'carol'])
    })
  })

  describe(`one-time links on ${kind.kind}`, () => {
    test('sign in once, and only until they expire', async (t) => {
      const site = await openIdentitySite(t, kind)
      const { links } = site.identity
      const alice = await createUser(site, 'alice')
      const { secret } = await links.createFor('sign-in', alice, systemActor)
      assert.equal((await links.inspect(secret))?.user?.name, 'alice')
      assert.equal((await links.use(secret, {}, '')).user.id, alice.id)
      await assert.rejects(links.use(secret, {}, ''), { code: 'gone' })
      assert.equal(await links.inspect(secret), undefined)
      const late = await links.createFor('sign-in', alice, systemActor, { expiresInMs: 1000 })
      await site.clock.advance(1000)
      await assert.rejects(links.use(late.secret, {}, ''), { code: 'gone' })
      const rows = await site.store.db.selectFrom('one_time_links').selectAll().execute()
      assert.ok(!JSON.stringify(rows).includes(secret))
    })

    test('used twice at the same moment, one wins, on whichever replica', async (t) => {
      const site = await openIdentitySite(t, kind)
      const other = kind.kind === 'postgres' ? await site.openReplica() : site
      const { secret } = await site.identity.links.createInvitation({ groups: [], admin: false }, systemActor)
      const uses = await Promise.allSettled(
        [site, other, site, other].map(({ identity }, at) =>
          identity.links.use(secret, { username: `guest${at}`, password }, ''),
        ),
      )
      assert.equal(uses.filter(({ status }) => status === 'fulfilled').length, 1)
      const found = await site.identity.users.list({ offset: 0, limit: 9, sort: 'id', descending: false })
      assert.equal(found.total, 1)
    })

    test('set a password, which ends the sessions', async (t) => {
      const site = await openIdentitySite(t, kind)
      const { links, sessions, passwords } = site.identity
      const alice = await createUser(site, 'alice')
      await sessions.create(alice, { remote: '', userAgent: '' })
      const { secret } = await links.createFor('set-password', alice, systemActor)
      await assert.rejects(links.use(secret, {}, ''), { code: 'bad_request' })
      await assert.rejects(links.use(secret, { password: 'short' }, ''), { code: 'bad_request' })
      await links.use(secret, { password }, '')
      assert.deepEqual(await sessions.list(alice.id), [])
      assert.equal((await passwords.signIn('alice', password, '')).id, alice.id)
    })

    test('are good for nothing any more once there is a new password, whoever set it', async (t) => {
      const site = await openIdentitySite(t, kind)
      const { links, passwords } = site.identity
      const [alice, bob] = [await createUser(site, 'alice'), await createUser(site, 'bob')]
      const [first, second, signIn] = [
        await links.createFor('set-password', alice, systemActor),
        await links.createFor('set-password', alice, systemActor),
        await links.createFor('sign-in', alice, systemActor),
      ]
      const others = await links.createFor('set-password', bob, systemActor)
      await links.use(first.secret, { password }, '')
      for (const { secret } of [second, signIn])
        await assert.rejects(links.use(secret, { password: 'another one' }, ''), { code: 'gone' })
      const third = await links.createFor('set-password', alice, systemActor)
      await passwords.setPassword(alice.id, 'the third one', systemActor)
      assert.equal(await links.inspect(third.secret), undefined)
      assert.ok(await links.inspect(others.secret))
    })

    test('invite to an account with groups, by a name that is free', async (t) => {
      const site = await openIdentitySite(t, kind)
      const { links, users, groups } = site.identity
      await createUser(site, 'alice')
      await groups.create([{ name: 'physics', users: [] }], systemActor)
      const { secret, link } = await links.createInvitation(
        { groups: ['physics'], admin: false },
        systemActor,
      )
      assert.deepEqual(
        (await links.listInvitations()).map(({ id }) => id),
        [link.id],
      )
      await assert.rejects(links.use(secret, { password }, ''), { code: 'bad_request' })
      await assert.rejects(links.use(secret, { username: 'a/b', password }, ''), { code: 'invalid_name' })
      await assert.rejects(links.use(secret, { username: 'Alice', password }, ''), { code: 'conflict' })
      const { user } = await links.use(secret, { username: 'Guest', password }, '')
      assert.equal(user.name, 'guest')
      assert.deepEqual((await groups.find('physics'))?.users, ['guest'])
      const named = await links.createInvitation({ username: 'carol', groups: [], admin: true }, systemActor)
      assert.equal((await links.use(named.secret, { username: 'mallory', password }, '')).user.name, 'carol')
      assert.equal((await users.get('carol')).admin, true)
      const revoked = await links.createInvitation({ groups: [], admin: false }, systemActor)
      await links.revokeInvitation(revoked.link.id, systemActor)
      await links.revokeInvitation(revoked.link.id, systemActor)
      await assert.rejects(links.use(revoked.secret, { username: 'late', password }, ''), { code: 'gone' })
    })
  })
}
