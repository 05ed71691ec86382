import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { systemActor } from '#observe/audit.ts'
import { hashSecret } from '#platform/secret.ts'
import type { Change } from '#store/store.ts'
import { testStoreKinds } from '#store/testing.ts'
import { type IdentitySite, openIdentitySite } from './testing.ts'

const owner = (user: { id: number; name: string }) =>
  ({ kind: 'user', id: user.id, name: user.name }) as const

/** The edge's credentials, following whatever `work` changes. */
async function followDuring(
  site: IdentitySite,
  work: () => Promise<unknown>,
  edge: ReturnType<IdentitySite['identity']['createEdgeCredentials']>,
) {
  const changes: Change[] = []
  const stop = site.store.onChange((list) => changes.push(...list))
  await work()
  stop()
  return edge.follow(changes)
}

for (const kind of testStoreKinds) {
  describe(`credentials for the edge on ${kind.kind}`, () => {
    test('say which servers each may reach, as often as that changes and no oftener', async (t) => {
      const site = await openIdentitySite(t, kind)
      const { identity } = site
      const [alice, bob] = await identity.users.create([{ name: 'alice' }, { name: 'bob' }], systemActor)
      assert.ok(alice && bob)
      const edge = identity.createEdgeCredentials()
      assert.deepEqual(await edge.list(), [])

      let secret = ''
      let session = ''
      const started = await followDuring(
        site,
        async () => {
          const made = await identity.sessions.create(alice, { remote: '', userAgent: '' })
          secret = made.secret
          session = made.session.sessionId
        },
        edge,
      )
      const hash = hashSecret(secret)
      const expiresAtMs = site.clock.now() + 14 * 86_400_000
      const credential = {
        hash,
        kind: 'session',
        subject: 'alice',
        expiresAtMs,
        servers: ['alice'],
        clusters: ['alice'],
      }
      assert.deepEqual(started, [{ type: 'credential-put', credential }])
      assert.deepEqual(await edge.follow([{ topic: 'user', key: 'alice' }]), [], 'nothing new')

      const raised = await followDuring(
        site,
        () => identity.users.update('alice', { admin: true }, systemActor),
        edge,
      )
      assert.deepEqual(raised, [
        { type: 'credential-put', credential: { ...credential, servers: '*', clusters: '*' } },
      ])
      await followDuring(site, () => identity.users.update('alice', { admin: false }, systemActor), edge)

      const narrow = await identity.tokens.create(
        { owner: owner(alice), scopes: ['access:servers!server=alice/gpu'], note: '' },
        systemActor,
      )
      const blind = await identity.tokens.create(
        { owner: owner(alice), scopes: ['read:users!user'], note: '' },
        systemActor,
      )
      const listed = await identity.createEdgeCredentials().list()
      const serversOf = (token: string) => listed.find((one) => one.hash === hashSecret(token))?.servers
      assert.deepEqual(serversOf(narrow.secret), ['alice/gpu'])
      assert.deepEqual(serversOf(blind.secret), [])

      const renamed = await followDuring(
        site,
        () => identity.users.update('alice', { name: 'alicia' }, systemActor),
        edge,
      )
      assert.deepEqual(
        renamed.map((change) => change.type),
        ['credential-put', 'credential-put', 'credential-put'],
        'no open websocket is closed by a name',
      )
      const ended = await followDuring(
        site,
        () => identity.sessions.end(alice.id, session, systemActor),
        edge,
      )
      assert.deepEqual(ended, [{ type: 'credential-delete', hash }])
      const gone = await followDuring(site, () => identity.users.remove('alicia', systemActor), edge)
      assert.equal(gone.filter(({ type }) => type === 'credential-delete').length, 2)
    })

    test('follow groups whose members a role opens, and services', async (t) => {
      const site = await openIdentitySite(t, kind)
      const { identity } = site
      const role = { description: '', users: ['lee'], groups: [], services: [] }
      await identity.services.create(
        { name: 'culler', admin: true, apiToken: 'culler-token-0123456789' },
        systemActor,
      )
      await identity.applyConfig({
        admins: [],
        groups: { physics: { users: ['carol'], properties: {} } },
        roles: [{ ...role, name: 'lead', scopes: ['access:servers!group=physics'] }],
      })
      const lee = await identity.users.get('lee')
      await identity.users.create([{ name: 'dan' }], systemActor)
      await identity.sessions.create(lee, { remote: '', userAgent: '' })
      const edge = identity.createEdgeCredentials()
      const servers = (await edge.list()).map(({ subject, service, servers }) => [
        subject,
        service ?? false,
        servers,
      ])
      assert.deepEqual(servers.sort(), [
        ['culler', true, '*'],
        ['lee', false, ['carol', 'lee']],
      ])
      const joined = await followDuring(
        site,
        () => identity.groups.addMembers('physics', ['dan'], systemActor),
        edge,
      )
      assert.deepEqual(
        joined.map((change) => change.type === 'credential-put' && change.credential.servers),
        [['carol', 'dan', 'lee']],
      )
      const removed = await followDuring(site, () => identity.services.remove('culler', systemActor), edge)
      assert.deepEqual(
        removed.map(({ type }) => type),
        ['credential-delete'],
      )
    })
  })
}
