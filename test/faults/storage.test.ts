import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'

import { startPlatform } from '../support/platform.ts'
import { findJobProcesses, requestServer, trivialConfig, waitUntilReady } from '../support/servers.ts'

describe('the data folder', () => {
  test('a database locked by another program for a while: requests wait, nothing is lost', async (t) => {
    const platform = await startPlatform({ config: trivialConfig })
    t.after(() => platform.dispose())
    const other = new DatabaseSync(join(platform.data, 'atrium.db'))
    other.exec('begin immediate')
    const asked = requestServer(platform, 'alice')
    setTimeout(() => {
      other.exec('commit')
      other.close()
    }, 1000)
    assert.ok((await asked) < 300)
    await waitUntilReady(platform, 'alice')
    assert.equal(findJobProcesses(platform, 'alice').length, 1)
  })

  test('a database locked for longer than anybody waits: a clear refusal, running servers go on, then all is well', async (t) => {
    const platform = await startPlatform({ config: trivialConfig })
    t.after(() => platform.dispose())
    await requestServer(platform, 'alice')
    await waitUntilReady(platform, 'alice')
    const before = findJobProcesses(platform, 'alice')
    const other = new DatabaseSync(join(platform.data, 'atrium.db'))
    other.exec('begin immediate')
    const refused = await platform.api<{ message: string }>('POST', '/hub/api/users/bob')
    assert.equal(refused.status, 503)
    const headers = { authorization: `Bearer ${await platform.adminToken()}` }
    assert.equal(await (await fetch(`${platform.url}/user/alice/`, { headers })).text(), 'ok')
    other.exec('commit')
    other.close()
    assert.ok((await requestServer(platform, 'bob')) < 300)
    await waitUntilReady(platform, 'bob')
    assert.deepEqual(findJobProcesses(platform, 'alice'), before)
    assert.equal(findJobProcesses(platform, 'bob').length, 1)
  })

  const skip = process.getuid?.() !== 0 && 'a small file system needs root'
  test('a full disk is said, running servers go on, and all is well once there is room', {
    skip,
  }, async (t) => {
    const data = await mkdtemp(join(tmpdir(), 'atrium-full-'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', data])
    const platform = await startPlatform({ config: trivialConfig, data })
    t.after(async () => {
      await platform.dispose()
      execFileSync('umount', ['-l', data])
      await rmdir(data)
    })
    await requestServer(platform, 'alice')
    await waitUntilReady(platform, 'alice')
    await fillDisk(join(data, 'filler'))
    const refused = await platform.api<{ message: string }>('POST', '/hub/api/users', {
      body: { usernames: buildNames() },
    })
    assert.equal(refused.status, 507)
    assert.match(refused.body.message, /disk is full/)
    assert.equal(findJobProcesses(platform, 'alice').length, 1)
    await rm(join(data, 'filler'))
    assert.ok((await requestServer(platform, 'bob')) < 300)
    await waitUntilReady(platform, 'bob')
  })
})

async function fillDisk(path: string): Promise<void> {
  for (let megabytes = 64; megabytes >= 1; megabytes /= 2) {
    const part = Buffer.alloc(megabytes * 1024 * 1024)
    for (;;) {
      const full = await writeFile(path, part, { flag: 'a' }).then(
        () => false,
        () => true,
      )
      if (full) break
    }
  }
  await writeFile(path, Buffer.alloc(1024 * 1024), { flag: 'a' }).catch(() => {})
}

/** More than what the database still has free pages for. */
function buildNames(): string[] {
  return Array.from({ length: 5000 }, (_, index) => `somebody-with-a-name-that-takes-room-${index}`)
}
