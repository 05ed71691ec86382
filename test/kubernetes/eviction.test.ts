import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'

import type { KubernetesCluster } from './cluster.ts'
import { configOf } from './configuration.ts'
import { type DriverJobs, openDriverJobs } from './driver-jobs.ts'
import { createDriverSite, type DriverSite, ensureNamespace, podPython } from './driver-site.ts'
import { kubernetesSkipReason, openSharedKubernetesCluster } from './shared-cluster.ts'

const mountPath = '/more'
const writer = `import signal
with open("${mountPath}/much", "wb") as file:
    file.write(bytes(20 << 20))
signal.pause()`

/** Any node is short of memory by this, and of nothing else. */
const memoryPressure = {
  evictionSoft: { 'memory.available': '99%' },
  evictionSoftGracePeriod: { 'memory.available': '1s' },
  evictionMaxPodGracePeriod: 5,
  evictionPressureTransitionPeriod: '1s',
}

describe('a job that its node throws out', { skip: kubernetesSkipReason }, () => {
  let cluster: KubernetesCluster
  let site: DriverSite
  let jobs: DriverJobs

  before(async () => {
    cluster = openSharedKubernetesCluster()
    await ensureNamespace(cluster)
    site = await createDriverSite(cluster)
    jobs = openDriverJobs(site, site.scheduler)
  })
  after(() => site?.dispose())

  test('for writing more than its folder may hold has failed, and would anywhere', async () => {
    const volumes = [{ name: 'more', source: { emptyDir: { sizeBytes: 1 << 20 } }, mountPath }]
    const handle = await jobs.submit(jobs.spec([podPython, '-c', writer], { pod: { volumes } }))
    const { exit } = await jobs.until(handle, 'ended')
    assert.deepEqual([exit.state, exit.reason], ['failed', 'out_of_storage'])
    assert.match(exit.message, /^It wrote more than it may\. .*exceeds the limit "1048576"/)
  })

  test('for want of memory was preempted: it may do well on another, or here once there is room', async (t) => {
    // Without a request of memory it would not be let in again by a kubelet that finds itself short as it starts.
    const handle = await jobs.submit(jobs.waiting({ resources: { memoryBytes: 64 << 20 } }))
    await jobs.until(handle, 'running')
    const [file, kubelet] = [configOf(cluster, 'kubelet.json'), cluster.daemon('kubelet')]
    const usual = readFileSync(file, 'utf8')
    const restart = async (config: string) => {
      await kubelet.kill()
      writeFileSync(file, config)
      await kubelet.start()
    }
    t.after(() => restart(usual))
    await restart(JSON.stringify({ ...JSON.parse(usual), ...memoryPressure }))
    const { exit } = await jobs.until(handle, 'ended')
    assert.deepEqual([exit.state, exit.reason], ['preempted', 'evicted'])
    assert.match(
      exit.message,
      /^Its node had no room for it any more\. The node was low on resource: memory\./,
    )
    const next = await jobs.submit(jobs.waiting())
    await jobs.until(next, 'pending', ({ reason }) => /run short of memory/.test(reason ?? ''))
    await restart(usual)
    await jobs.until(next, 'running')
    await jobs.cancel(next)
    await jobs.until(next, 'ended')
  })
})
