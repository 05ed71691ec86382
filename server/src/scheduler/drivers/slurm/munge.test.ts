import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after, before, describe, test } from 'node:test'

import { createMunge, type Munge } from './munge.ts'
import { mungeSkipReason, startTestMunge, type TestMunge } from './testing/test-munge.ts'

const uid = process.getuid?.() ?? 0

describe('munge credentials', { skip: mungeSkipReason }, () => {
  let daemon: TestMunge
  let munge: Munge

  before(async () => {
    daemon = await startTestMunge()
    munge = createMunge({ socket: daemon.socket })
  })
  after(() => daemon?.stop())

  test('say who made them and what is in them, once', async () => {
    for (const payload of ['', 'two\n\nparts\n', 'ü'.repeat(100_000)]) {
      const credential = await munge.encode(payload, { readerUid: uid })
      assert.deepEqual(await munge.decode(credential), { uid, payload })
      assert.deepEqual(await munge.decode(credential), { refused: 'it was seen before' })
    }
  })

  test('are for one reader', async () => {
    const credential = await munge.encode('x', { readerUid: uid + 1 })
    assert.deepEqual(await munge.decode(credential), { refused: 'it is for somebody else' })
  })

  test('are refused when damaged', async () => {
    const credential = await munge.encode('x', { readerUid: uid })
    const damaged = credential.replace(/.{4}:$/, 'AAA=:')
    for (const text of [damaged, 'MUNGE:AAAA:', 'MUNGE:', '', 'x'.repeat(10_000)])
      assert.ok('refused' in (await munge.decode(text)), text.slice(0, 20))
  })

  test('of another cluster are refused', async () => {
    const other = await startTestMunge()
    try {
      const credential = execFileSync('munge', ['--no-input', `--socket=${other.socket}`], {
        encoding: 'utf8',
      })
      assert.ok('refused' in (await munge.decode(credential)))
    } finally {
      await other.stop()
    }
  })

  test('need the daemon', async () => {
    const nowhere = createMunge({ socket: `${daemon.socket}-not` })
    await assert.rejects(nowhere.encode('x', { readerUid: uid }), { code: 'scheduler_unavailable' })
    await assert.rejects(nowhere.decode('MUNGE:AAAA:'), { code: 'scheduler_unavailable' })
    const nothing = createMunge({ folder: '/nowhere' })
    await assert.rejects(nothing.decode('MUNGE:AAAA:'), { code: 'scheduler_unavailable' })
  })
})
