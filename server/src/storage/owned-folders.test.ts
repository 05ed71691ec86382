import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmod, chown, lstat, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { isPlatformError } from '@atrium/contract/errors.ts'

import { createOwnedFolders } from './owned-folders.ts'

const isRoot = process.getuid?.() === 0
const alice = { folder: 'alice', uid: 20_001, gid: 20_001 }
const physics = { folder: 'physics', gid: 1_900_000_001 }

describe('folders of users and groups', { skip: !isRoot && 'needs root' }, () => {
  let root = ''
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'atrium-folders-'))
    await chmod(root, 0o755)
  })
  after(() => rm(root, { recursive: true }))

  const describeEntry = async (...path: string[]) => {
    const { uid, gid, mode } = await lstat(join(root, ...path))
    return `${uid}:${gid} ${(mode & 0o7777).toString(8)}`
  }
  const refuses = (code: 'conflict' | 'forbidden' | 'bad_request', words: RegExp) => (error: unknown) =>
    isPlatformError(error, code) && words.test(error.message)
  const as = (uid: number, groups: string, script: string) =>
    execFileSync('setpriv', [`--reuid=${uid}`, `--regid=${uid}`, `--groups=${groups}`, 'sh', '-c', script], {
      encoding: 'utf8',
      stdio: 'pipe',
    })

  test('a home is its owner’s alone and is left as it is once it is there', async () => {
    const folders = createOwnedFolders({ root })
    await folders.ensureHome(alice)
    assert.equal(await describeEntry('homes', 'alice'), '20001:20001 700')
    assert.equal(await describeEntry('homes'), '0:0 711')
    await writeFile(join(root, 'homes', 'alice', 'kept'), '')
    await chmod(join(root, 'homes', 'alice'), 0o750)
    await folders.ensureHome(alice)
    assert.equal(await describeEntry('homes', 'alice'), '20001:20001 750')
    assert.deepEqual(await readdir(join(root, 'homes', 'alice')), ['kept'])
  })

  test('members share what is in their group’s folder; others do not come in', async () => {
    await createOwnedFolders({ root }).ensureGroup(physics)
    assert.equal(await describeEntry('groups', 'physics'), '0:1900000001 2770')
    const folder = join(root, 'groups', 'physics')
    as(20_001, '1900000001', `umask 007; echo data > ${folder}/file; mkdir ${folder}/deep`)
    assert.equal(as(20_002, '1900000001', `cat ${folder}/file; echo more >> ${folder}/file`), 'data\n')
    assert.equal(await describeEntry('groups', 'physics', 'deep'), '20001:1900000001 2770')
    assert.throws(() => as(20_003, '1900000002', `ls ${folder}`), /Permission denied/)
    assert.throws(() => as(20_001, '1900000001', `chmod 777 ${folder}`), /not permitted/)
  })

  test('what somebody else has is not given away', async () => {
    const folders = createOwnedFolders({ root })
    await assert.rejects(folders.ensureHome({ ...alice, uid: 20_009 }), refuses('conflict', /user id 20001/))
    await assert.rejects(
      folders.ensureGroup({ ...physics, gid: 1_900_000_009 }),
      refuses('conflict', /group id/),
    )
    await mkdir(join(root, 'homes', 'system'))
    await writeFile(join(root, 'homes', 'system', 'file'), '')
    await assert.rejects(folders.ensureHome({ ...alice, folder: 'system' }), refuses('conflict', /user id 0/))
  })

  test('what was made and not given away yet is finished', async () => {
    await mkdir(join(root, 'homes', 'bob'), { mode: 0o755 })
    await mkdir(join(root, 'groups', 'biology'), { mode: 0o755 })
    const folders = createOwnedFolders({ root })
    await Promise.all([1, 2, 3].map(() => folders.ensureHome({ folder: 'bob', uid: 20_002, gid: 20_002 })))
    await folders.ensureGroup({ folder: 'biology', gid: 1_900_000_002 })
    assert.equal(await describeEntry('homes', 'bob'), '20002:20002 700')
    assert.equal(await describeEntry('groups', 'biology'), '0:1900000002 2770')
  })

  test('links and files in their place are refused, and what a link means is left alone', async () => {
    const victim = await mkdtemp(join(tmpdir(), 'atrium-victim-'))
    try {
      await symlink(victim, join(root, 'homes', 'mallory'))
      await writeFile(join(root, 'homes', 'file'), '')
      const folders = createOwnedFolders({ root })
      for (const folder of ['mallory', 'file'])
        await assert.rejects(folders.ensureHome({ ...alice, folder }), refuses('conflict', /no folder/))
      assert.equal((await lstat(victim)).uid, 0)
    } finally {
      await rm(victim, { recursive: true })
    }
  })

  test('names that lead elsewhere are refused', async () => {
    const folders = createOwnedFolders({ root })
    for (const folder of ['', '.', '..', '../x', 'a/b', 'a\0b', '-rf', 'A', 'a\nb', 'a'.repeat(64)])
      await assert.rejects(folders.ensureHome({ ...alice, folder }), refuses('bad_request', /name/))
  })

  test('a storage that is not there is waited for', async () => {
    const folders = createOwnedFolders({ root: join(root, 'not-mounted') })
    const isWaitedFor = (error: unknown) =>
      isPlatformError(error, 'scheduler_unavailable') && /mount it again/.test(error.message)
    await assert.rejects(folders.ensureHome(alice), isWaitedFor)
    await assert.rejects(folders.check(), isWaitedFor)
  })

  test('where others can write, or in a link’s place, nothing is made', async (t) => {
    const other = await mkdtemp(join(tmpdir(), 'atrium-folders-'))
    t.after(() => rm(other, { recursive: true }))
    const folders = createOwnedFolders({ root: other })
    await mkdir(join(other, 'homes'))
    await chmod(join(other, 'homes'), 0o777)
    await assert.rejects(folders.ensureHome(alice), refuses('forbidden', /chmod 711 homes/))
    await chmod(join(other, 'homes'), 0o755)
    await chown(join(other, 'homes'), 20_001, 20_001)
    await assert.rejects(folders.ensureHome(alice), refuses('forbidden', /uid 20001/))
    await symlink(tmpdir(), join(other, 'groups'))
    await assert.rejects(folders.ensureGroup(physics), refuses('conflict', /no folder/))
  })
})
