import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdtemp, readdir, rm, rmdir, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'

import { systemClock } from '#platform/clock.ts'
import { createSilentLogger } from '#platform/log.ts'
import { waitFor } from '#platform/wait-for.ts'
import { openSqliteStore } from './sqlite-store.ts'

const open = (path: string) => openSqliteStore({ path, clock: systemClock, log: createSilentLogger() })

test('waits for another process that holds the lock', async (t) => {
  const folder = await temporaryFolder(t)
  const store = await open(join(folder, 'atrium.db'))
  t.after(() => store.close())
  const holder = spawn(process.execPath, ['-e', holdLock, join(folder, 'atrium.db')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let locked = false
  holder.stdout.on('data', () => {
    locked = true
  })
  await waitFor('the lock', () => locked)
  // node:sqlite waits on this thread, so the other process has to let go by itself.
  await store.transaction(({ db }) => db.insertInto('settings').values({ key: 'a', value: '1' }).execute())
  assert.equal((await store.db.selectFrom('settings').selectAll().execute()).length, 1)
})

const holdLock = `
  const { DatabaseSync } = require('node:sqlite')
  const database = new DatabaseSync(process.argv[1])
  database.exec('begin immediate')
  process.stdout.write('locked')
  setTimeout(() => { database.exec('commit'); process.exit() }, 300)
`

test('a full disk is a clear refusal, and nothing that was there is lost', {
  skip: process.getuid?.() !== 0 && 'needs root',
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'atrium-full-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder])
  const store = await open(join(folder, 'atrium.db'))
  t.after(async () => {
    await store.close()
    execFileSync('umount', [folder])
    await rmdir(folder)
  })
  await store.db.insertInto('settings').values({ key: 'kept', value: '"before"' }).execute()
  const fill = async () => {
    for (let row = 0; ; row++) {
      await store.transaction(({ db }) =>
        db
          .insertInto('settings')
          .values({ key: `row ${row}`, value: 'x'.repeat(20_000) })
          .execute(),
      )
    }
  }
  await assert.rejects(fill(), { code: 'storage_full' })
  const kept = await store.db
    .selectFrom('settings')
    .select('value')
    .where('key', '=', 'kept')
    .executeTakeFirst()
  assert.equal(kept?.value, '"before"')
})

test('nobody else can read the database', async (t) => {
  const folder = await temporaryFolder(t)
  const store = await open(join(folder, 'atrium.db'))
  t.after(() => store.close())
  for (const name of await readdir(folder)) {
    assert.equal((await stat(join(folder, name))).mode & 0o777, 0o600, name)
  }
})

test('a backup is a whole database, taken while in use', async (t) => {
  const folder = await temporaryFolder(t)
  const store = await open(join(folder, 'atrium.db'))
  t.after(() => store.close())
  await store.db.insertInto('settings').values({ key: 'a', value: '1' }).execute()
  await store.backup(join(folder, 'copy.db'))
  const copy = new DatabaseSync(join(folder, 'copy.db'), { readOnly: true })
  assert.equal(copy.prepare('select count(*) as rows from settings').get()?.['rows'], 1)
  copy.close()
})

test('a backup is for who made it alone, and takes the place of nothing', async (t) => {
  const folder = await temporaryFolder(t)
  const store = await open(join(folder, 'atrium.db'))
  t.after(() => store.close())
  const target = join(folder, 'copy.db')
  await store.backup(target)
  assert.equal((await stat(target)).mode & 0o777, 0o600)
  await assert.rejects(store.backup(target), { code: 'conflict' })
  // A folder like /tmp is everybody's: who guesses the name could lead the copy elsewhere.
  await symlink(join(folder, 'elsewhere.db'), join(folder, 'link.db'))
  await assert.rejects(store.backup(join(folder, 'link.db')), { code: 'conflict' })
  assert.equal(await stat(join(folder, 'elsewhere.db')).catch(() => undefined), undefined)
  await assert.rejects(store.backup(join(folder, 'none', 'copy.db')), { code: 'bad_request' })
})

async function temporaryFolder(t: { after(action: () => Promise<void>): void }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'atrium-sqlite-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}
