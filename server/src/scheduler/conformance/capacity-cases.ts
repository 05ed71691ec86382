import assert from 'node:assert/strict'

import type { RegisterCase } from './conformance-site.ts'

const mebibyte = 2 ** 20
const memoryLimitBytes = 96 * mebibyte
const burnSeconds = 2
const cpuLimit = 0.25

/** Nodes and limits. */
export function registerCapacityCases(conformant: RegisterCase): void {
  conformant('capacity names nodes with what they have and what is used', async (c) => {
    const { nodes, pools } = await c.scheduler.capacity({ signal: c.signal })
    assert.ok(nodes.length > 0)
    for (const node of nodes) {
      assert.ok(node.name.length > 0)
      assert.ok(node.cpu > 0 && node.memoryBytes > 0, JSON.stringify(node))
      assert.ok(node.cpuUsed >= 0 && node.memoryUsedBytes >= 0 && node.gpuUsed >= 0, JSON.stringify(node))
      assert.ok(
        pools.some((pool) => pool.name === node.pool),
        node.pool,
      )
    }
  })

  conformant('a job that uses more memory than it asked for is ended for that', async (c) => {
    if (!c.capabilities.limits.memory) return c.t.skip(c.capabilities.limits.why)
    const handle = await c.submit(
      c.spec(c.program('hog', String(4 * memoryLimitBytes)), {
        resources: { memoryBytes: memoryLimitBytes },
      }),
    )
    const { exit } = await c.until(handle, 'ended')
    assert.equal(exit.state, 'failed')
    assert.equal(exit.reason, 'out_of_memory')
    assert.doesNotMatch(await c.output(handle), /survived/)
  })

  conformant('a job that stays within its memory is left alone', async (c) => {
    const handle = await c.submit(
      c.spec(c.program('hog', String(8 * mebibyte)), { resources: { memoryBytes: memoryLimitBytes } }),
    )
    const { exit } = await c.until(handle, 'ended')
    assert.equal(exit.state, 'succeeded', exit.message)
    assert.match(await c.output(handle), /survived/)
  })

  conformant('a job gets no more cpu than it asked for', async (c) => {
    if (!c.capabilities.limits.cpu) return c.t.skip(c.capabilities.limits.why)
    const limit = c.capabilities.limits.wholeCores === true ? 1 : cpuLimit
    const handle = await c.submit(
      c.spec(c.program('burn', String(burnSeconds)), { resources: { cpu: cpuLimit } }),
    )
    await c.until(handle, 'ended')
    const usedSeconds = Number(await c.output(handle))
    // Half as much again: the kernel's periods and the interpreter's start are not what is tested.
    assert.ok(usedSeconds > 0 && usedSeconds < 1.5 * limit * burnSeconds, `${usedSeconds} s of cpu`)
  })
}
