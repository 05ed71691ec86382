import assert from 'node:assert/strict'

import type { RegisterCase } from './conformance-site.ts'
import { readText } from './conformance-site.ts'

const floodBytes = 1_000_003

/** A job's output. */
export function registerOutputCases(conformant: RegisterCase): void {
  conformant('output is kept from the first byte, standard error with it', async (c) => {
    const handle = await c.submit(c.spec(c.program('fail', '1')))
    await c.until(handle, 'ended')
    assert.equal(await c.output(handle), 'about to fail\n')
  })

  conformant('the output of a killed job is kept', async (c) => {
    const handle = await c.submit(c.spec(c.program('crash')))
    await c.until(handle, 'ended')
    assert.match(await c.output(handle), /about to crash/)
  })

  conformant('output can be read from an offset on, to its end and beyond', async (c) => {
    const handle = await c.submit(c.spec(c.program('flood', '25')))
    await c.until(handle, 'ended')
    const from = (offset: number) => readText(c.scheduler.logs(handle, { offset, signal: c.signal }))
    assert.equal(await from(0), '0123456789012345678901234')
    assert.equal(await from(7), '789012345678901234')
    assert.equal(await from(25), '')
    assert.equal(await from(1000), '')
  })

  conformant('a large output comes whole, and its end alone when only that is asked for', async (c) => {
    const handle = await c.submit(c.spec(c.program('flood', String(floodBytes))))
    await c.until(handle, 'ended')
    const all = await c.output(handle)
    assert.equal(all.length, floodBytes)
    assert.equal(all, '0123456789'.repeat(floodBytes / 10 + 1).slice(0, floodBytes))
    const tail = await readText(c.scheduler.logs(handle, { tailBytes: 100, signal: c.signal }))
    assert.ok(tail.length > 0 && tail.length < floodBytes / 2, `${tail.length} bytes`)
    assert.ok(all.endsWith(tail))
  })

  conformant('following gives lines while the job runs and ends with it', async (c) => {
    const handle = await c.submit(c.spec(c.program('chatter', '30')))
    let text = ''
    let stateAtFirstByte: string | undefined
    for await (const chunk of c.scheduler.logs(handle, { follow: true, signal: c.signal })) {
      stateAtFirstByte ??= (await c.observe(handle)).state
      text += Buffer.from(chunk).toString()
    }
    assert.equal(text, Array.from({ length: 30 }, (_, index) => `line ${index + 1}\n`).join(''))
    assert.notEqual(stateAtFirstByte, 'ended')
    await c.until(handle, 'ended')
  })

  conformant('following begins before the job does', async (c) => {
    const spec = c.spec(c.program('succeed'))
    const handle = await c.submit(spec)
    assert.equal(await readText(c.scheduler.logs(handle, { follow: true, signal: c.signal })), 'hello\n')
  })

  conformant('following ends when the reader gives up, and the job runs on', async (c) => {
    const handle = await c.submit(c.spec(c.program('wait')))
    await c.output(handle, 'waiting')
    const reader = new AbortController()
    const read = readText(
      c.scheduler.logs(handle, { follow: true, signal: AbortSignal.any([reader.signal, c.signal]) }),
    )
    reader.abort()
    await read.catch((error: unknown) => assert.equal(error, reader.signal.reason))
    await c.until(handle, 'running')
  })
}
