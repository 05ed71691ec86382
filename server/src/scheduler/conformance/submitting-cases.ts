import assert from 'node:assert/strict'

import type { JobHandle } from '#scheduler/job.ts'
import type { RegisterCase } from './conformance-site.ts'

/** Submitting, repeating, adopting, listing and forgetting. */
export function registerSubmittingCases(conformant: RegisterCase): void {
  conformant('a job submitted twice under one key is one job with one handle', async (c) => {
    const spec = c.spec(c.program('wait'))
    const first = await c.submit(spec)
    const second = await c.submit(spec)
    assert.deepEqual(second, first)
    await c.output(first, 'waiting')
    const listed = await c.scheduler.list({ signal: c.signal })
    assert.deepEqual(listed, [first])
    assert.equal(await c.output(first), 'waiting\n')
  })

  conformant('a repeated submission of an ended job answers it and does not run it again', async (c) => {
    const spec = c.spec(c.program('succeed'))
    const handle = await c.submit(spec)
    await c.until(handle, 'ended')
    assert.deepEqual(await c.submit(spec), handle)
    assert.equal((await c.observe(handle)).state, 'ended')
    assert.equal(await c.output(handle), 'hello\n')
  })

  conformant('two submissions of one key at the same time are one job', async (c) => {
    const spec = c.spec(c.program('wait'))
    const [first, second] = await Promise.all([c.submit(spec), c.submit(spec)])
    assert.deepEqual(second, first)
    assert.deepEqual(await c.scheduler.list({ signal: c.signal }), [first])
  })

  conformant('a batch is answered spec by spec, jobs known before among them', async (c) => {
    const old = c.spec(c.program('wait'))
    const handle = await c.submit(old)
    const specs = [c.spec(c.program('succeed')), old, c.spec(c.program('fail', '3'))]
    const answers = await c.scheduler.submit(specs, { signal: c.signal })
    assert.deepEqual(
      answers.map((answer) => [answer.key, answer.outcome]),
      specs.map((spec) => [spec.key, 'accepted']),
    )
    const again = answers[1]
    assert.deepEqual(again?.outcome === 'accepted' && again.handle, handle)
  })

  conformant('an empty batch, an empty look and an empty cancel are no error', async (c) => {
    const { signal, scheduler } = c
    assert.deepEqual(await scheduler.submit([], { signal }), [])
    assert.equal((await scheduler.observe([], { signal })).size, 0)
    assert.equal((await scheduler.find([], { signal })).size, 0)
    await scheduler.cancel([], { graceMs: 0, signal })
    await scheduler.forget([], { signal })
  })

  conformant('a handle is plain data under the name of the driver', async (c) => {
    const handle = await c.submit(c.spec(c.program('wait')))
    assert.deepEqual(JSON.parse(JSON.stringify(handle)), handle)
    assert.equal(handle.driver, c.scheduler.driver)
  })

  conformant('a new instance finds the jobs of the one before and goes on with them', async (c) => {
    const specs = [c.spec(c.program('wait')), c.spec(c.program('succeed'))]
    const handles = new Map<string, JobHandle>()
    for (const spec of specs) handles.set(spec.key, await c.submit(spec))
    await c.scheduler.close()
    const next = await c.reopen()
    const keys = specs.map((spec) => spec.key)
    assert.deepEqual(new Map(await next.find([...keys, 'never-submitted'], { signal: c.signal })), handles)
    c.scheduler = next
    for (const [key, handle] of handles) {
      assert.ok(!['absent', 'unknown'].includes((await c.observe(handle, next)).state), key)
    }
    for (const spec of specs) assert.deepEqual(await c.submit(spec, next), handles.get(spec.key))
    await next.close()
  })

  conformant('lists what has not ended, whichever instance submitted it', async (c) => {
    const running = await c.submit(c.spec(c.program('wait')))
    const ended = await c.submit(c.spec(c.program('succeed')))
    await c.until(ended, 'ended')
    assert.deepEqual(await c.scheduler.list({ signal: c.signal }), [running])
    await c.scheduler.close()
    const next = await c.reopen()
    assert.deepEqual(await next.list({ signal: c.signal }), [running])
    await next.close()
  })

  conformant(
    'a forgotten job is absent, is not found and has no output; forgetting twice is no error',
    async (c) => {
      const handle = await c.submit(c.spec(c.program('succeed')))
      await c.until(handle, 'ended')
      await c.scheduler.forget([handle], { signal: c.signal })
      await c.scheduler.forget([handle], { signal: c.signal })
      assert.deepEqual(await c.observe(handle), { state: 'absent' })
      assert.equal((await c.scheduler.find([handle.key], { signal: c.signal })).size, 0)
      assert.equal(await c.output(handle), '')
    },
  )

  conformant('every job of a large batch ends well', async (c) => {
    const specs = Array.from({ length: c.options.batchSize }, () => c.spec(c.program('succeed')))
    const answers = await c.scheduler.submit(specs, { signal: c.signal })
    const handles = answers.flatMap((answer) => (answer.outcome === 'accepted' ? [answer.handle] : []))
    assert.equal(handles.length, specs.length, JSON.stringify(answers[0]))
    assert.equal(new Set(handles.map((handle) => handle.ref)).size, specs.length)
    for (const handle of handles) {
      const { exit } = await c.until(handle, 'ended')
      assert.equal(exit.state, 'succeeded', exit.message)
    }
    const observations = await c.scheduler.observe(handles, { signal: c.signal })
    assert.equal(observations.size, specs.length)
    assert.deepEqual(await c.scheduler.list({ signal: c.signal }), [])
  })
}
