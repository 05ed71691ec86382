import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { createTestIdentity } from '#identity/testing.ts'
import { systemActor } from '#observe/audit.ts'
import { createFakeClock } from '#platform/fake-clock.ts'
import { testStoreKinds } from '#store/testing.ts'

import { createLocalGroups } from './owner-groups.ts'

test('a group’s folder on this machine is its members’, found by links, and gone from who leaves', {
  skip: process.getuid?.() !== 0 && 'needs root',
}, async (t) => {
  const clock = createFakeClock()
  const root = await mkdtemp(join(tmpdir(), 'atrium-groups-'))
  await chmod(root, 0o755)
  const site = await testStoreKinds[0]?.createSite()
  assert.ok(site)
  const store = await site.open({ clock })
  const identity = createTestIdentity({ store, clock })
  t.after(async () => {
    await identity.close()
    await store.close()
    await site.dispose()
    await rm(root, { recursive: true })
  })
  const people = ['alice', 'bob', 'carol']
  await identity.users.create(
    people.map((name) => ({ name })),
    systemActor,
  )
  await identity.groups.create([{ name: 'physics', users: ['alice', 'bob'] }], systemActor)
  await identity.groups.create([{ name: 'Évil ..', users: [] }], systemActor)
  await identity.groups.addMembers('Évil ..', ['alice'], systemActor)
  const groups = createLocalGroups({ store, root })
  const ensure = async (name: string) => groups.ensureOf(await identity.users.get(name), name)
  const run = (uid: number, gids: readonly number[], script: string) =>
    execFileSync(
      'setpriv',
      [
        `--reuid=${uid}`,
        `--regid=${uid}`,
        gids.length === 0 ? '--clear-groups' : `--groups=${gids.join()}`,
        'sh',
        '-c',
        script,
      ],
      { encoding: 'utf8', stdio: 'pipe' },
    )
  const [alice, bob, carol] = await Promise.all(people.map(ensure))
  assert.ok(alice && bob && carol)
  const gidsOf = ({ groups: found }: typeof alice) => found.map(({ gid }) => gid)

  assert.deepEqual(carol.groups, [])
  assert.equal((await readdir(alice.shared)).length, 2)
  run(20_000, gidsOf(alice), `umask 007; echo hello > ${alice.shared}/physics/note`)
  assert.equal(run(20_001, gidsOf(bob), `cat ${bob.shared}/physics/note`), 'hello\n')
  assert.throws(() => run(20_002, gidsOf(carol), `cat ${alice.shared}/physics/note`), /Permission denied/)
  assert.throws(() => run(20_000, gidsOf(alice), `ln -s /etc ${alice.shared}/etc`), /Permission denied/)

  await identity.groups.removeMembers('physics', ['alice'], systemActor)
  assert.deepEqual(
    await readdir((await ensure('alice')).shared),
    alice.groups.slice(1).map(({ folder }) => folder),
  )
})
