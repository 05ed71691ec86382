import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { systemActor } from '#observe/audit.ts'
import { testStoreKinds } from '#store/testing.ts'
import { type IdentitySite, openIdentitySite } from './testing.ts'

const root = { name: 'user:root', remote: '192.0.2.1' }
const everybody = { offset: 0, limit: 50, sort: 'name', descending: false } as const

async function listAudit({ store }: IdentitySite): Promise<string[]> {
  const rows = await store.db.selectFrom('audit_events').selectAll().orderBy('id').execute()
  return rows.map(({ actor, action, target }) => `${actor} ${action} ${target}`)
}

const namesOf = (found: { users: readonly { name: string }[] }) => found.users.map(({ name }) => name)

for (const kind of testStoreKinds) {
  describe(`users on ${kind.kind}`, () => {
    test('are created once, whatever the spelling, with a line in the audit trail', async (t) => {
      const site = await openIdentitySite(t, kind)
      const { users } = site.identity
      const created = await users.create(
        [{ name: 'Alice' }, { name: 'bob', admin: true }, { name: 'ＡLICE' }],
        root,
      )
      assert.deepEqual(
        created.map(({ name, admin }) => [name, admin]),
        [
          ['alice', false],
          ['bob', true],
        ],
      )
      assert.deepEqual(await users.create([{ name: 'alice' }], root), [])
      assert.equal((await users.ensure({ name: 'ALICE' }, root)).id, created[0]?.id)
      assert.deepEqual(await listAudit(site), [
        'user:root user.create user:alice',
        'user:root user.create user:bob',
      ])
      await assert.rejects(users.create([{ name: 'carol' }, { name: '../x' }], root), {
        code: 'invalid_name',
      })
      assert.equal(await users.find('carol'), undefined, 'all or nothing')
      await assert.rejects(users.create([{ name: 'carol', groups: ['none'] }], root), { code: 'bad_request' })
      assert.equal(await users.find('carol'), undefined)
    })

    test('are listed in pages, in order, filtered by name, group and id', async (t) => {
      const site = await openIdentitySite(t, kind)
      const { users, groups, activity } = site.identity
      await groups.create([{ name: 'g', users: [] }], root)
      const created = await users.create(
        [{ name: 'dan' }, { name: 'a_b' }, { name: 'aXb', groups: ['g'] }, { name: 'carol' }],
        root,
      )
      const [dan, , axb] = created
      assert.ok(dan && axb)
      activity.noteUser(axb.id, site.clock.now() - 5000)
      activity.noteUser(dan.id, site.clock.now() - 1000)
      await activity.flush()
      assert.deepEqual(namesOf(await users.list(everybody)), ['a_b', 'axb', 'carol', 'dan'])
      const page = await users.list({ ...everybody, offset: 1, limit: 2 })
      assert.deepEqual([namesOf(page), page.total], [['axb', 'carol'], 4])
      assert.equal((await users.list({ ...everybody, offset: 9, limit: 2 })).total, 4)
      assert.deepEqual(namesOf(await users.list({ ...everybody, sort: 'id', descending: true })), [
        'carol',
        'axb',
        'a_b',
        'dan',
      ])
      assert.deepEqual(namesOf(await users.list({ ...everybody, sort: 'last_activity' })), [
        'a_b',
        'carol',
        'axb',
        'dan',
      ])
      assert.deepEqual(
        namesOf(await users.list({ ...everybody, sort: 'last_activity', descending: true })).slice(0, 2),
        ['dan', 'axb'],
      )
      assert.deepEqual(
        namesOf(await users.list({ ...everybody, nameFilter: 'A_' })),
        ['a_b'],
        '_ is no wildcard',
      )
      assert.deepEqual(namesOf(await users.list({ ...everybody, nameFilter: '%' })), [])
      assert.deepEqual(
        namesOf(await users.list({ ...everybody, within: { users: ['dan'], groups: ['g'] } })),
        ['axb', 'dan'],
      )
      assert.deepEqual(namesOf(await users.list({ ...everybody, within: { users: [], groups: [] } })), [])
      assert.deepEqual(namesOf(await users.list({ ...everybody, only: new Set([dan.id]) })), ['dan'])
      assert.deepEqual(namesOf(await users.list({ ...everybody, only: new Set() })), [])
      assert.deepEqual(namesOf(await users.list({ ...everybody, except: new Set([dan.id]) })), [
        'a_b',
        'axb',
        'carol',
      ])
    })

    test('are renamed to free names only, and removed with all that is theirs', async (t) => {
      const site = await openIdentitySite(t, kind)
      const { users, sessions, groups } = site.identity
      const [alice] = await users.create([{ name: 'alice' }, { name: 'bob' }], root)
      assert.ok(alice)
      await groups.create([{ name: 'g', users: ['alice'] }], root)
      await sessions.create(alice, { remote: '', userAgent: '' })
      await assert.rejects(users.update('alice', { name: 'BOB' }, root), { code: 'conflict' })
      await assert.rejects(users.update('alice', { name: 'a/b' }, root), { code: 'invalid_name' })
      await assert.rejects(users.update('nobody', { admin: true }, root), { code: 'not_found' })
      assert.equal((await users.update('alice', { name: 'Alicia' }, root)).id, alice.id)
      assert.deepEqual((await groups.find('g'))?.users, ['alicia'])
      await users.remove('alicia', root)
      assert.deepEqual((await groups.find('g'))?.users, [])
      assert.deepEqual(await sessions.list(alice.id), [])
      await assert.rejects(users.remove('alicia', root), { code: 'not_found' })
    })

    test('have sign-in state that the database cannot read', async (t) => {
      const site = await openIdentitySite(t, kind)
      const { users } = site.identity
      const [alice] = await users.create([{ name: 'alice' }], root)
      assert.ok(alice)
      assert.equal(await users.readAuthState(alice.id), null)
      await users.update('alice', { authState: { upstream: 'very secret' } }, root)
      assert.deepEqual(await users.readAuthState(alice.id), { upstream: 'very secret' })
      const rows = await site.store.db.selectFrom('users').select('auth_state').execute()
      assert.doesNotMatch(JSON.stringify(rows), /secret/)
      const audit = await site.store.db.selectFrom('audit_events').select('detail').execute()
      assert.doesNotMatch(JSON.stringify(audit), /secret/)
    })
  })

  describe(`groups on ${kind.kind}`, () => {
    test('are made all or none, gain and lose members, and tell of both', async (t) => {
      const site = await openIdentitySite(t, kind)
      const { users, groups } = site.identity
      await users.create([{ name: 'alice' }, { name: 'bob' }], root)
      const changes: string[] = []
      site.store.onChange((list) => changes.push(...list.map(({ topic, key }) => `${topic} ${key}`)))
      await groups.create([{ name: 'Physics', users: ['ALICE'] }], root)
      assert.deepEqual(changes.splice(0), ['user alice', 'group Physics'])
      await assert.rejects(
        groups.create(
          [
            { name: 'new', users: [] },
            { name: 'Physics', users: [] },
          ],
          root,
        ),
        {
          code: 'conflict',
          message: 'Group Physics already exists',
        },
      )
      assert.equal(await groups.find('new'), undefined)
      await assert.rejects(groups.create([{ name: 'new', users: ['carol'] }], root), {
        message: 'No such user: carol',
      })
      assert.deepEqual((await groups.addMembers('Physics', ['bob', 'alice'], root)).users, ['alice', 'bob'])
      changes.splice(0)
      assert.deepEqual((await groups.removeMembers('Physics', ['alice'], root)).users, ['bob'])
      assert.deepEqual(changes.splice(0), ['user alice', 'group Physics'])
      assert.deepEqual((await groups.setProperties('Physics', { a: [1] }, root)).properties, { a: [1] })
      const listed = await groups.list({ offset: 0, limit: 10, within: ['none'] })
      assert.deepEqual([listed.groups, listed.total], [[], 1])
      await groups.remove('Physics', root)
      assert.deepEqual(changes.splice(0).includes('user bob'), true, 'members lose what the group gave')
      await assert.rejects(groups.remove('Physics', root), { code: 'not_found' })
    })
  })

  describe(`roles on ${kind.kind}`, () => {
    test('are given and taken by hand, unless the program or the configuration has them in hand', async (t) => {
      const site = await openIdentitySite(t, kind)
      const { identity } = site
      await identity.applyConfig({
        admins: [],
        groups: {},
        roles: [
          {
            name: 'helper',
            description: '',
            scopes: ['list:users'],
            users: ['bob'],
            groups: [],
            services: [],
          },
          { name: 'spare', description: '', scopes: ['read:hub'], users: [], groups: [], services: [] },
        ],
      })
      await identity.users.create([{ name: 'alice' }], root)
      const alice = { kind: 'user', name: 'alice' } as const
      await identity.roles.give('spare', alice, root)
      await identity.roles.give('spare', alice, root)
      const holders = async (name: string) =>
        (await identity.roles.list()).find((role) => role.name === name)?.holders
      assert.deepEqual(await holders('spare'), [{ ...alice, managed: false }])
      await identity.roles.take('spare', alice, root)
      await identity.roles.take('spare', alice, root)
      assert.deepEqual(await holders('spare'), [])
      await assert.rejects(identity.roles.take('helper', { kind: 'user', name: 'bob' }, root), {
        code: 'conflict',
      })
      await assert.rejects(identity.roles.give('admin', alice, root), { code: 'conflict' })
      await assert.rejects(identity.roles.give('none', alice, root), { code: 'not_found' })
      await assert.rejects(identity.roles.give('spare', { kind: 'group', name: 'none' }, root), {
        code: 'not_found',
      })
    })
  })

  describe(`configuration on ${kind.kind}`, () => {
    const role = { description: '', users: [], groups: [], services: [] }

    test('makes users, groups and roles what it says, and says nothing new the second time', async (t) => {
      const site = await openIdentitySite(t, kind)
      const { identity } = site
      const config = {
        admins: ['Root'],
        groups: { physics: { users: ['alice'], properties: { floor: 2 } } },
        roles: [
          {
            ...role,
            name: 'lead',
            scopes: ['groups!group=physics'],
            users: ['alice'],
            groups: ['chemistry'],
          },
          { ...role, name: 'admin', scopes: [], users: ['carol'] },
          { ...role, name: 'user', scopes: ['self', 'read:hub'] },
        ],
      }
      await identity.applyConfig(config)
      assert.equal((await identity.users.get('root')).admin, true)
      assert.equal((await identity.users.get('carol')).admin, true, 'the role admin is the flag')
      assert.deepEqual((await identity.groups.find('physics'))?.users, ['alice'])
      assert.deepEqual((await identity.groups.find('chemistry'))?.roles, ['lead'])
      const alice = await identity.users.get('alice')
      const held = await identity.grants.scopesOf({ kind: 'user', id: alice.id, name: 'alice' })
      assert.ok(held.includes('groups!group=physics') && held.includes('read:hub'))
      const changes: unknown[] = []
      site.store.onChange((list) => changes.push(...list))
      await identity.applyConfig(config)
      assert.deepEqual(changes, [])
      await identity.groups.addMembers('physics', ['carol'], root)
      await identity.applyConfig({
        admins: [],
        groups: { physics: { users: [], properties: {} } },
        roles: [],
      })
      const members = (await identity.groups.find('physics'))?.users.toSorted()
      assert.deepEqual(members, ['alice', 'carol'], 'nobody is thrown out')
      assert.equal(await identity.roles.find('lead'), undefined)
      assert.deepEqual((await identity.roles.find('user'))?.scopes, ['self'])
      assert.equal((await identity.users.get('root')).admin, true)
    })

    test('with mistakes changes nothing', async (t) => {
      const { identity } = await openIdentitySite(t, kind)
      const wrong = [
        { admins: ['a/b'], groups: {}, roles: [] },
        { admins: ['x'], groups: {}, roles: [{ ...role, name: 'bad', scopes: ['read:minds'] }] },
        { admins: ['x'], groups: {}, roles: [{ ...role, name: 'admin', scopes: ['self'] }] },
        { admins: ['x'], groups: {}, roles: [{ ...role, name: 'of', scopes: [], services: ['none'] }] },
      ]
      for (const config of wrong) {
        await assert.rejects(identity.applyConfig(config), (error: { code?: string }) =>
          ['bad_request', 'invalid_name'].includes(error.code ?? ''),
        )
        assert.equal(await identity.users.find('x'), undefined)
      }
    })
  })
}

test('the platform itself is an actor of the audit trail', () => {
  assert.deepEqual(systemActor, { name: 'system' })
})
