import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { isPlatformError } from '@atrium/contract/errors.ts'

import { createHomes } from './homes.ts'

const isRoot = process.getuid?.() === 0

describe('homes', () => {
  let root = ''
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'atrium-homes-'))
  })
  after(() => rm(root, { recursive: true }))

  test('are made once, for their owner alone', async () => {
    const homes = createHomes({ root })
    const path = await homes.ensure({ folder: 'alice' })
    assert.equal(path, join(root, 'alice'))
    assert.equal((await stat(path)).mode & 0o777, 0o700)
    await writeFile(join(path, 'kept'), '')
    assert.equal(await homes.ensure({ folder: 'alice' }), path)
    assert.deepEqual(await readdir(path), ['kept'])
  })

  test('never lie outside of their place', async () => {
    for (const folder of ['..', '.', '', 'a/b', '../x', 'a\0b', '-rf'])
      await assert.rejects(createHomes({ root }).ensure({ folder }), (error) => isPlatformError(error))
  })

  test('something else in their place is a conflict', async () => {
    await writeFile(join(root, 'file'), '')
    await assert.rejects(createHomes({ root }).ensure({ folder: 'file' }), (error) =>
      isPlatformError(error, 'conflict'),
    )
  })

  test('belong to the owner where the platform may give them away', {
    skip: !isRoot && 'needs root',
  }, async () => {
    const homes = createHomes({ root })
    const path = await homes.ensure({ folder: 'bob', uid: 4321, gid: 4322 })
    const { uid, gid } = await stat(path)
    assert.deepEqual([uid, gid], [4321, 4322])
    await assert.rejects(homes.ensure({ folder: 'bob', uid: 9999 }), (error) =>
      isPlatformError(error, 'conflict'),
    )
  })
})
