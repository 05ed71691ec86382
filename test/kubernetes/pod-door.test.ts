import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'

import { waitFor } from '@atrium/server/platform/wait-for.ts'
import { createPodDoors, doorPort } from '@atrium/server/scheduler/drivers/kubernetes/pod-door.ts'
import type { JobEndpoint, JobHandle } from '@atrium/server/scheduler/job.ts'

import { type DriverJobs, openDriverJobs } from './driver-jobs.ts'
import { createDriverSite, type DriverSite, ensureNamespace, podPython } from './driver-site.ts'
import { kubernetesSkipReason, openSharedKubernetesCluster } from './shared-cluster.ts'

/** A child uses more memory than the job may; its parent goes on. */
const lostChild = `
import subprocess, sys, time
child = subprocess.run([sys.executable, '-c', 'x = bytearray(400 << 20)'])
print('child ended', child.returncode, flush=True)
time.sleep(float(sys.argv[1]))`

/** What a program of the job can find of the door's token. */
const curious = `
import glob, os
seen = open('/proc/self/environ').read() + open('/proc/1/environ').read() + open('/proc/1/cmdline').read()
print(os.environ.get('TOKEN', ''), 'Bearer' in seen or 'token' in seen.lower())`

describe('the door of a pod', { skip: kubernetesSkipReason }, () => {
  let site: DriverSite
  let jobs: DriverJobs
  const doorKey = 'a key of these tests'

  before(async () => {
    const cluster = openSharedKubernetesCluster()
    await ensureNamespace(cluster)
    site = await createDriverSite(cluster, { doorKey })
    jobs = openDriverJobs(site, site.scheduler)
  })
  after(() => site?.dispose())

  const serve = () =>
    jobs.submit(jobs.spec(jobs.program('serve', '{port:web}', 'hello'), { kind: 'server', ports: ['web'] }))
  const listening = async (handle: JobHandle): Promise<JobEndpoint> => {
    const { endpoint } = await jobs.until(handle, 'running', (seen) => seen.endpoint !== undefined)
    assert.ok(endpoint)
    return endpoint
  }

  test('tells what the job uses', async () => {
    const handle = await jobs.submit(jobs.spec(jobs.program('burn', '60')))
    const seen = await jobs.until(handle, 'running', ({ cpuSeconds = 0 }) => cpuSeconds > 0.05)
    assert.ok((seen.memoryBytes ?? 0) > 1_000_000, JSON.stringify(seen))
    assert.equal(seen.oomKills, 0)
    await jobs.cancel(handle)
  })

  test('tells at once that the program listens, however late that is', async (t) => {
    const late = `import sys, time, socket
time.sleep(6)
s = socket.create_server(('', int(sys.argv[1])))
print(time.time(), flush=True)
time.sleep(3600)`
    const spec = jobs.spec([podPython, '-c', late, '{port:web}'], { ports: ['web'] })
    const handle = await jobs.submit(spec)
    await listening(handle)
    const toldAt = Date.now()
    const text = await waitFor('its output', async () => {
      const parts: Uint8Array[] = []
      for await (const part of site.scheduler.logs(handle, { signal: t.signal })) parts.push(part)
      return Buffer.concat(parts).toString().trim()
    })
    t.diagnostic(`${Math.round(toldAt - Number(text) * 1000)} ms after it listened`)
    await jobs.cancel(handle)
  })

  test('does not take a listener for the job that only the pod itself reaches', async () => {
    const inner = `import socket, sys, time
inner = socket.create_server(('127.0.0.1', int(sys.argv[1])))
print('inner', flush=True)
time.sleep(3600)`
    const handle = await jobs.submit(jobs.spec([podPython, '-c', inner, '{port:web}'], { ports: ['web'] }))
    const seen = await jobs.until(handle, 'running', ({ cpuSeconds }) => cpuSeconds !== undefined)
    assert.equal(seen.endpoint, undefined)
    await jobs.cancel(handle)
  })

  test('ends the job by itself, without a word to Kubernetes', async () => {
    const handle = await serve()
    const { host } = await listening(handle)
    const doors = createPodDoors(doorKey)
    await doors.end({ host, key: handle.key, graceMs: 60_000, signal: AbortSignal.timeout(30_000) })
    assert.equal((await jobs.until(handle, 'ended')).exit.reason, 'exit_status')
    await doors.close()
  })

  test('opens to the job’s own token alone', async () => {
    const [mine, other] = [await serve(), await serve()]
    const { host } = await listening(mine)
    await listening(other)
    const doors = createPodDoors(doorKey)
    const foreign = createPodDoors('another key')
    const signal = AbortSignal.timeout(60_000)
    assert.deepEqual((await doors.state({ host, key: mine.key, signal })).listening, ['web'])
    await assert.rejects(doors.state({ host, key: other.key, signal }), /status 401/)
    await assert.rejects(foreign.end({ host, key: mine.key, graceMs: 0, signal }), /status 401/)
    for (const path of ['/state', '/end', '/'])
      assert.equal((await fetch(`http://${host}:${doorPort}${path}`)).status, 401)
    assert.equal((await jobs.observe(mine)).state, 'running')
    await Promise.all([jobs.cancel(mine), jobs.cancel(other), doors.close(), foreign.close()])
  })

  test('stays open while strangers say nothing, too much or nonsense', async () => {
    const handle = await serve()
    const { host } = await listening(handle)
    const strangers = Array.from({ length: 300 }, (_, index) => {
      const socket = connect(doorPort, host).on('error', () => {})
      if (index % 2 === 1) socket.write('x'.repeat(20_000))
      return socket
    })
    const doors = createPodDoors(doorKey)
    await waitFor('the door to answer', () =>
      doors.state({ host, key: handle.key, signal: AbortSignal.timeout(30_000) }).then(
        () => true,
        () => false,
      ),
    )
    for (const socket of strangers) socket.destroy()
    await Promise.all([jobs.cancel(handle), doors.close()])
  })

  test('a program that was ended for want of memory is told of while the job goes on, and its good end stays one', async () => {
    const resources = { memoryBytes: 128 << 20 }
    const handle = await jobs.submit(jobs.spec([podPython, '-c', lostChild, '15'], { resources }))
    await jobs.until(handle, 'running', ({ oomKills = 0 }) => oomKills > 0)
    const { exit } = await jobs.until(handle, 'ended')
    assert.equal(exit.state, 'succeeded', JSON.stringify(exit))
  })

  test('the token stands in no argument and no variable', async (t) => {
    const handle = await jobs.submit(jobs.spec([podPython, '-c', curious]))
    await jobs.until(handle, 'ended')
    const parts: Uint8Array[] = []
    for await (const part of site.scheduler.logs(handle, { signal: t.signal })) parts.push(part)
    assert.equal(Buffer.concat(parts).toString().trim(), 'False')
  })
})
