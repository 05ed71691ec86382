import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'

import { waitFor } from '@atrium/server/platform/wait-for.ts'
import type { JobKey } from '@atrium/server/scheduler/job.ts'

import { type AutoscaleSite, patience, startAutoscaleSite } from './autoscale-site.ts'
import { ask, createJobsSite, type JobsSite, server } from './jobs-site.ts'
import { findMissing } from './requirements.ts'

describe('servers where nodes come and go', { skip: findMissing() ?? false }, () => {
  let cloud: AutoscaleSite
  let site: JobsSite | undefined

  before(async () => {
    cloud = await startAutoscaleSite('cloudjobs')
  })
  after(() => cloud?.dispose())
  afterEach(async () => {
    await site?.dispose()
    site = undefined
  })

  const requestIn = (jobs: JobsSite, partition: string, requeue = false) =>
    jobs.request(server.command, {
      policy: { ...server.request.policy, ...(requeue ? { requeue } : {}) },
      spec: { ...server.request.spec, queue: { partition }, resources: { exclusive: true } },
    })

  test('a server makes its node appear, tells its owner that it boots, and leaves nothing behind', async () => {
    await cloud.configure(cloud.powerOn)
    site = await createJobsSite(cloud.cluster)
    const key = await requestIn(site, 'cloud')
    const running = await site.until(key, 'running')
    assert.match(running.node ?? '', /^c[12]$/)
    assert.equal(await ask(running), 'hello')
    assert.ok(
      (await listMessages(site, key)).some((message) => /^Its node \(c[12]\) is being started/.test(message)),
    )
    await site.stop(key)
    await site.until(key, 'cancelled')
    await cloud.waitForState(`${running.node} idle~`)
  })

  test('a node for which there is no machine does not fail the server: it starts on another one', async () => {
    // $0: the program of the cluster's cloud, $2: the node.
    await cloud.configure(['/bin/sh', '-c', '[ "$2" != c1 ] && exec "$0" "$@"', ...cloud.powerOn])
    site = await createJobsSite(cloud.cluster)
    const key = await requestIn(site, 'cloud')
    const running = await site.until(key, 'running')
    assert.deepEqual([running.node, running.attempts], ['c2', 2])
    const messages = await listMessages(site, key)
    assert.ok(
      messages.some((message) => /did not come up/.test(message)),
      messages.join('\n'),
    )
    await site.stop(key)
    await site.until(key, 'cancelled')
  })

  test('a preempted server is in the queue again, says so, and goes on when there is room', async () => {
    site = await createJobsSite(cloud.cluster)
    const key = await requestIn(site, 'low', true)
    await site.until(key, 'running')
    const high = cloud.cluster.as('bob', 'srun', ['-p', 'high', '-N3', '--exclusive', 'sleep', '3'])
    const again = await waitFor(
      'the server to run again',
      async () => {
        const job = await site?.jobs.find(key)
        return job?.state === 'running' && job.attempts === 2 ? job : undefined
      },
      patience,
    )
    assert.equal((await high).code, 0)
    assert.deepEqual([again.restarts?.count, again.restarts?.reason], [1, 'preempted'])
    assert.equal(await ask(again), 'hello')
  })
})

/** What its owner is told until it is ready. */
async function listMessages({ jobs }: JobsSite, key: JobKey): Promise<readonly string[]> {
  const messages: string[] = []
  for await (const { kind, message } of jobs.events(key, { signal: AbortSignal.timeout(10_000) })) {
    messages.push(message)
    if (kind === 'ready') break
  }
  return messages
}
