import assert from 'node:assert/strict'
import { connect } from 'node:net'

import { waitFor } from '#platform/wait-for.ts'
import type { JobHandle } from '#scheduler/job.ts'
import type { Case, RegisterCase } from './conformance-site.ts'

const patientMs = 30_000
const shortMs = 300

/** Asking jobs to end. */
export function registerCancellingCases(conformant: RegisterCase): void {
  conformant('a running job is asked to end and may tidy up', async (c) => {
    const handle = await c.submit(c.spec(c.program('wait')))
    await c.output(handle, 'waiting')
    await cancel(c, [handle], patientMs)
    const { exit } = await c.until(handle, 'ended')
    assert.equal(exit.state, 'cancelled')
    assert.equal(exit.reason, 'cancelled')
    assert.match(await c.output(handle), /bye/)
  })

  conformant('a job that takes no notice is ended by force after its grace', async (c) => {
    const handle = await c.submit(c.spec(c.program('stubborn')))
    await c.output(handle, 'waiting')
    await cancel(c, [handle], shortMs)
    assert.equal((await c.until(handle, 'ended')).exit.state, 'cancelled')
  })

  conformant('a second, less patient cancel shortens the grace', async (c) => {
    const handle = await c.submit(c.spec(c.program('stubborn')))
    await c.output(handle, 'waiting')
    await cancel(c, [handle], 10 * patientMs)
    await cancel(c, [handle], 0)
    assert.equal((await c.until(handle, 'ended')).exit.state, 'cancelled')
  })

  conformant('children of a job end with it', async (c) => {
    const handle = await c.submit(c.spec(c.program('parent', '{port:child}'), { ports: ['child'] }))
    const { endpoint } = await waitFor('the child to listen', async () => {
      const seen = await c.until(handle, 'running')
      return seen.endpoint !== undefined && (await answers(seen.endpoint, 'child')) ? seen : undefined
    })
    assert.ok(endpoint)
    await cancel(c, [handle], shortMs)
    await c.until(handle, 'ended')
    await waitFor('the child to be gone', async () => !(await answers(endpoint, 'child')))
  })

  conformant('a pending job is cancelled and never runs', async (c) => {
    if (c.buildPending === undefined) return c.t.skip('this scheduler starts everything at once')
    const handle = await c.submit(c.buildPending(c.spec(c.program('succeed'))))
    assert.equal((await c.observe(handle)).state, 'pending')
    await cancel(c, [handle], patientMs)
    assert.equal((await c.until(handle, 'ended')).exit.state, 'cancelled')
    assert.equal(await c.output(handle), '')
  })

  conformant('a job cancelled at once after its submission ends', async (c) => {
    const handle = await c.submit(c.spec(c.program('wait')))
    await cancel(c, [handle], shortMs)
    assert.equal((await c.until(handle, 'ended')).exit.state, 'cancelled')
    assert.deepEqual(await c.scheduler.list({ signal: c.signal }), [])
  })

  conformant(
    'cancelling twice, an ended job, or a forgotten one is no error and changes nothing',
    async (c) => {
      const running = await c.submit(c.spec(c.program('wait')))
      const ended = await c.submit(c.spec(c.program('succeed')))
      const forgotten = await c.submit(c.spec(c.program('succeed')))
      await c.until(ended, 'ended')
      await c.until(forgotten, 'ended')
      await c.scheduler.forget([forgotten], { signal: c.signal })
      await c.output(running, 'waiting')
      await cancel(c, [running, ended, forgotten], patientMs)
      await cancel(c, [running, ended, forgotten], patientMs)
      assert.equal((await c.until(running, 'ended')).exit.state, 'cancelled')
      await cancel(c, [running], 0)
      assert.equal((await c.until(ended, 'ended')).exit.state, 'succeeded')
      assert.equal((await c.observe(forgotten)).state, 'absent')
    },
  )

  conformant('one cancel ends many jobs and no others', async (c) => {
    const specs = Array.from({ length: 6 }, () => c.spec(c.program('wait')))
    const handles: JobHandle[] = []
    for (const spec of specs) handles.push(await c.submit(spec))
    await cancel(c, handles.slice(0, 5), shortMs)
    for (const handle of handles.slice(0, 5)) await c.until(handle, 'ended')
    assert.deepEqual(await c.scheduler.list({ signal: c.signal }), handles.slice(5))
  })
}

function cancel(c: Case, handles: readonly JobHandle[], graceMs: number): Promise<void> {
  return c.scheduler.cancel(handles, { graceMs, signal: c.signal })
}

function answers(
  endpoint: { host: string; ports: Readonly<Record<string, number>> },
  port: string,
): Promise<boolean> {
  return new Promise((resolve) => {
    // Where an address went with its job, nobody says so.
    const socket = connect({ host: endpoint.host, port: endpoint.ports[port] ?? 0, timeout: 2000 })
    const end = (answered: boolean) => {
      socket.destroy()
      resolve(answered)
    }
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
    socket.once('timeout', () => end(false))
  })
}
