import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createFakeClock } from './fake-clock.ts'
import { keepFor } from './keep-for.ts'

test('one answer serves all who ask within its time, and one that failed nobody who asks later', async () => {
  const clock = createFakeClock()
  let calls = 0
  const ask = keepFor(1000, clock, async (isWell: boolean) => {
    calls += 1
    if (!isWell) throw new Error('silent')
    return calls
  })
  await assert.rejects(Promise.all([ask(false), ask(true)]), /silent/)
  assert.deepEqual(await Promise.all([ask(true), ask(true)]), [2, 2])
  await clock.advance(999)
  assert.equal(await ask(true), 2)
  await clock.advance(1)
  assert.equal(await ask(true), 3)
})
