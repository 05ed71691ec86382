import assert from 'node:assert/strict'

import { waitFor } from '#platform/wait-for.ts'
import type { JobKey, Observation } from '#scheduler/job.ts'
import type { Case, RegisterCase } from './conformance-site.ts'

const order: readonly Observation['state'][] = ['pending', 'starting', 'running', 'ended']

/** What is seen of a job's life, how it ended, and what is said when nothing can be seen. */
export function registerObservingCases(conformant: RegisterCase): void {
  conformant('a job goes from pending by starting and running to ended, never backwards', async (c) => {
    const handle = await c.submit(c.spec(c.program('chatter', '5')))
    const seen: Observation['state'][] = []
    await waitFor('the end', async () => {
      const { state } = await c.observe(handle)
      if (seen.at(-1) !== state) seen.push(state)
      return state === 'ended'
    })
    const places = seen.map((state) => order.indexOf(state))
    assert.ok(!places.includes(-1), seen.join())
    assert.deepEqual(
      places,
      places.toSorted((a, b) => a - b),
      seen.join(),
    )
  })

  conformant('a job that was never submitted is absent', async (c) => {
    const handle = await c.submit(c.spec(c.program('succeed')))
    await c.until(handle, 'ended')
    await c.scheduler.forget([handle], { signal: c.signal })
    const running = await c.submit(c.spec(c.program('wait')))
    const seen = await c.scheduler.observe([handle, running], { signal: c.signal })
    assert.equal(seen.get(handle.key)?.state, 'absent')
    assert.notEqual(seen.get(running.key)?.state, 'absent')
  })

  conformant('a job that exits 0 succeeded', async (c) => {
    const { exit, endedAtMs } = await c.until(await c.submit(c.spec(c.program('succeed'))), 'ended')
    assert.equal(exit.state, 'succeeded')
    assert.equal(exit.exitCode, 0)
    assert.equal(exit.reason, 'exit_status')
    if (endedAtMs !== undefined) assert.ok(Math.abs(endedAtMs - Date.now()) < 600_000)
  })

  conformant('a job that exits otherwise failed, with its status in a sentence', async (c) => {
    const { exit } = await c.until(await c.submit(c.spec(c.program('fail', '3'))), 'ended')
    assert.equal(exit.state, 'failed')
    assert.equal(exit.exitCode, 3)
    assert.equal(exit.reason, 'exit_status')
    assert.match(exit.message, /3/)
  })

  conformant('a job ended by a signal from elsewhere failed, with the signal', async (c) => {
    const { exit } = await c.until(await c.submit(c.spec(c.program('crash'))), 'ended')
    assert.equal(exit.state, 'failed')
    assert.ok(exit.signal === 'SIGKILL' || exit.exitCode === 137, JSON.stringify(exit))
    assert.ok(exit.message.length > 0)
  })

  conformant('a command that does not exist failed, and the message or the output names it', async (c) => {
    const handle = await c.submit(c.spec(['/nonexistent/program-of-nobody']))
    const { exit } = await c.until(handle, 'ended')
    assert.equal(exit.state, 'failed')
    assert.match(exit.message + (await c.output(handle)), /program-of-nobody/)
  })

  conformant(
    'a working directory that does not exist failed, and the message or the output names it',
    async (c) => {
      const handle = await c.submit(
        c.spec(c.program('succeed'), { workingDirectory: '/nonexistent/folder-of-nobody' }),
      )
      const { exit } = await c.until(handle, 'ended')
      assert.equal(exit.state, 'failed')
      assert.match(exit.message + (await c.output(handle)), /folder-of-nobody/)
    },
  )

  conformant(
    'a scheduler that cannot be asked: unknown, other calls unavailable, jobs untouched',
    async (c) => {
      if (c.disconnect === undefined) return c.t.skip('this site cannot be disconnected')
      const handle = await c.submit(c.spec(c.program('wait')))
      await c.until(handle, 'running')
      await c.output(handle, 'waiting')
      const reconnect = await c.disconnect()
      assert.equal((await c.observe(handle)).state, 'unknown')
      await assertUnavailable(c, handle)
      await reconnect()
      await c.until(handle, 'running')
      assert.equal(await c.output(handle), 'waiting\n')
      assert.deepEqual(await c.scheduler.list({ signal: c.signal }), [handle])
    },
  )

  conformant('tells of changes, and not any more after unsubscribing', async (c) => {
    if (!c.capabilities.hints) return c.t.skip('this driver gives no hints')
    const heard = new Set<JobKey>()
    const unsubscribe = c.scheduler.onChange((keys) => {
      for (const key of keys) heard.add(key)
    })
    const first = await c.submit(c.spec(c.program('succeed')))
    await waitFor('a hint', () => heard.has(first.key))
    unsubscribe()
    const second = await c.submit(c.spec(c.program('succeed')))
    await c.until(second, 'ended')
    assert.ok(!heard.has(second.key))
  })

  conformant('a job is ended at its time limit', async (c) => {
    const step = c.capabilities.timeLimitStepMs
    if (step === undefined) return c.t.skip('this scheduler keeps no time limits')
    if (step > c.options.longestTimeLimitStepMs) return c.t.skip(`its steps are ${step} ms`)
    const handle = await c.submit(c.spec(c.program('wait'), { timeLimitMs: Math.max(step, 500) }))
    const { exit } = await c.until(handle, 'ended')
    assert.equal(exit.state, 'failed')
    assert.equal(exit.reason, 'time_limit')
  })
}

async function assertUnavailable(c: Case, handle: Parameters<Case['observe']>[0]): Promise<void> {
  const { scheduler, signal } = c
  const unavailable = { code: 'scheduler_unavailable' }
  await assert.rejects(scheduler.submit([c.spec(c.program('succeed'))], { signal }), unavailable)
  await assert.rejects(scheduler.find([handle.key], { signal }), unavailable)
  await assert.rejects(scheduler.list({ signal }), unavailable)
  await assert.rejects(scheduler.cancel([handle], { graceMs: 0, signal }), unavailable)
  await assert.rejects(scheduler.capacity({ signal }), unavailable)
}
