import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'

import type { ClusterDetail } from '@atrium/contract/clusters-api.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { createPerson, signIn, startServer } from '../real-parts/people.ts'
import { type NotebookKernel, openNotebookKernel } from '../support/answering-kernel.ts'
import { type PlatformSite, startPlatformSite } from './platform-site.ts'
import { kubernetesSkipReason, openSharedKubernetesCluster } from './shared-cluster.ts'

const config = {
  profiles: [{ name: 'small', cpu: 0.3, memory: '600M', default: true }],
  servers: { idle: { stop: false } },
  // Cores of a node of two are shared: a scheduler and two workers are promised three.
  kubernetes: { reserved: { cpu: 0.2 } },
  dask: { worker: { memory: '400M' }, scheduler: { memory: '400M' } },
}
const patience = { deadlineMs: 150_000, everyMs: 200 }

/** Opens the cluster that the tests go on with, in a notebook. */
const open = `
import os, socket, time
from dask_gateway import Gateway
gateway = Gateway()
cluster = gateway.new_cluster()
client = cluster.get_client()
def slow(n):
    time.sleep(0.3)
    return n
answer(cluster.name)
`

describe('Dask on a Kubernetes cluster', { skip: kubernetesSkipReason }, () => {
  let site: PlatformSite
  let kernel: NotebookKernel
  let name: string

  before(async () => {
    site = await startPlatformSite(openSharedKubernetesCluster(), config)
    await createPerson(site.platform, 'alice')
    const alice = await signIn(site.platform, 'alice')
    await startServer(site.platform, 'alice')
    kernel = await openNotebookKernel(alice, { url: site.platform.url, user: 'alice' })
    name = await kernel.run(open)
  })
  after(async () => {
    kernel?.close()
    await site?.dispose()
  })

  const run = <T>(code: string) => kernel.run<T>(code)
  /** By the scheduler's own count. */
  const untilWorkers = (count: number) =>
    run<number>(`
for _ in range(1200):
    connected = len(client.scheduler_info()["workers"])
    if connected == ${count}: break
    time.sleep(0.1)
answer(connected)`).then((connected) => assert.equal(connected, count))
  /** Names of pods of that kind that have not ended. */
  const listPods = async (kind: 'dask-worker' | 'dask-scheduler') => {
    const what = [`--selector=atrium.dev/kind=${kind}`, '--field-selector=status.phase=Running']
    return (await site.kubectl('get', 'pods', ...what, '--output=name')).split('\n').filter(Boolean)
  }
  const findCluster = async () =>
    (await site.platform.api<ClusterDetail>('GET', `/api/v1/clusters/${name}`)).body
  const untilNothingIsLeft = () =>
    waitFor(
      'no pod of Dask',
      async () => [...(await listPods('dask-worker')), ...(await listPods('dask-scheduler'))].length === 0,
      patience,
    )

  test('its scheduler and workers are pods of the owner that reach each other', async () => {
    await run('cluster.scale(2); answer(None)')
    await untilWorkers(2)
    assert.deepEqual(
      [(await listPods('dask-scheduler')).length, (await listPods('dask-worker')).length],
      [1, 2],
    )
    const seen = await run<{ hosts: string[]; users: number[] }>(`
answer({"hosts": sorted(client.run(socket.gethostname).values()), "users": sorted(client.run(os.getuid).values())})`)
    assert.deepEqual(
      seen.hosts.map((host) => `pod/${host}`),
      (await listPods('dask-worker')).toSorted(),
    )
    assert.deepEqual(seen.users, [20_000, 20_000])
    // What one computes is fetched by the other, straight from it.
    const sum = await run<number>(`
workers = list(client.scheduler_info()["workers"])
parts = [client.submit(lambda n: bytes([n]) * 1_000_000, n + 1, workers=[each]) for n, each in enumerate(workers)]
sums = [client.submit(lambda *all: sum(map(sum, all)), *parts, workers=[each], pure=False) for each in workers]
total = sum(client.gather(sums))
del parts, sums
answer(total)`)
    assert.equal(sum, 2 * 1_000_000 * (1 + 2))
  })

  test('nobody else reaches it, and its key is in nothing that others may read', async () => {
    const { platform } = site
    await platform.api('POST', '/hub/api/users/bob')
    const { body } = await platform.api<{ token: string }>('POST', '/hub/api/users/bob/tokens', { body: {} })
    for (const path of [`/gateway/api/v1/clusters/${name}`, `/gateway/clusters/${name}/status`]) {
      const headers = { authorization: `token ${body.token}` }
      const { status } = await fetch(`${platform.url}${path}`, { headers, redirect: 'manual' })
      assert.ok([403, 404].includes(status), `${path}: ${status}`)
    }
    const seen = await site.kubectl('get', 'pods,events,configmaps,serviceaccounts', '--output=yaml')
    assert.doesNotMatch(seen, /PRIVATE KEY/)
  })

  test('a worker’s pod that is deleted is replaced, and the result is right', async () => {
    await run('work = client.map(slow, range(60), pure=False, retries=5); answer(None)')
    const [victim = ''] = await listPods('dask-worker')
    await site.kubectl('delete', victim, '--grace-period=0', '--force', '--wait=false')
    await waitFor(
      'another pod in its place',
      async () => {
        const pods = await listPods('dask-worker')
        return pods.length === 2 && !pods.includes(victim)
      },
      patience,
    )
    assert.equal(await run('answer(sum(client.gather(work)))'), 30 * 59)
    await untilWorkers(2)
  })

  test('the control plane is killed while it computes: the result is right, and the cluster can still be scaled', async () => {
    await run('work = client.map(slow, range(100, 160), pure=False); answer(None)')
    const before = await listPods('dask-worker')
    await site.platform.kill()
    await site.platform.startAgain()
    await kernel.reconnect()
    assert.equal(await run('answer(sum(client.gather(work)))'), (100 + 159) * 30)
    assert.deepEqual(await listPods('dask-worker'), before)
    await run('cluster.scale(1); answer(None)')
    await untilWorkers(1)
    await waitFor('one pod of a worker', async () => (await listPods('dask-worker')).length === 1, patience)
  })

  test('its scheduler’s pod is killed: the cluster has failed, and nothing is left', async () => {
    const [scheduler = ''] = await listPods('dask-scheduler')
    await site.kubectl('delete', scheduler, '--grace-period=0', '--force', '--wait=false')
    await waitFor('the platform to know', async () => (await findCluster()).state === 'failed', patience)
    await untilNothingIsLeft()
  })

  test('adapting brings workers when there is work, and a stopped cluster leaves nothing', async () => {
    name = await run(open)
    await run('cluster.adapt(minimum=0, maximum=2); answer(None)')
    assert.equal(await run('answer(sum(client.gather(client.map(slow, range(40), pure=False))))'), 780)
    await run('cluster.shutdown(); answer(None)')
    await untilNothingIsLeft()
    await waitFor('the platform to know', async () => (await findCluster()).state === 'stopped', patience)
  })
})
