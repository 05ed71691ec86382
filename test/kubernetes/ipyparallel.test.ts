import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { createPerson, signIn, startServer } from '../real-parts/people.ts'
import { type NotebookKernel, openNotebookKernel } from '../support/answering-kernel.ts'
import { ensureMpiEnvironment, mpiSkipReason } from '../support/mpi-environment.ts'
import { type PlatformSite, startPlatformSite } from './platform-site.ts'
import { kubernetesSkipReason, openSharedKubernetesCluster } from './shared-cluster.ts'

const patience = { deadlineMs: 120_000, everyMs: 300 }

describe('ipyparallel engines on Kubernetes', { skip: kubernetesSkipReason }, () => {
  let site: PlatformSite
  let kernel: NotebookKernel
  let mpiEnvironment: string

  before(async () => {
    if (!mpiSkipReason) mpiEnvironment = await ensureMpiEnvironment('bodo')
    site = await startPlatformSite(openSharedKubernetesCluster(), {
      profiles: [
        { name: 'small', cpu: 0.3, memory: '600M', default: true },
        ...(mpiSkipReason ? [] : [{ name: 'mpi', cpu: 0.3, memory: '600M', environment: mpiEnvironment }]),
      ],
      servers: { idle: { stop: false } },
    })
    await createPerson(site.platform, 'alice')
    await startServer(site.platform, 'alice')
    const alice = await signIn(site.platform, 'alice')
    kernel = await openNotebookKernel(alice, { url: site.platform.url, user: 'alice' })
    await kernel.run('import asyncio, os, socket\nimport ipyparallel as ipp\nanswer(None)')
  })
  after(async () => {
    kernel?.close()
    await site?.dispose()
  })

  /** Pods of engines that have not ended. */
  const listEngines = async () => {
    const what = ['--selector=atrium.dev/kind=engine', '--field-selector=status.phase=Running']
    return (await site.kubectl('get', 'pods', ...what, '--output=name')).split('\n').filter(Boolean)
  }
  const untilNoneIsLeft = () =>
    waitFor('no pod of an engine', async () => (await listEngines()).length === 0, patience)

  test('each is a pod, and gone with its cluster; one that dies is missed', async () => {
    await kernel.run(`
cluster = ipp.Cluster(engines="atrium", n=2, engine_timeout=120)
await cluster.start_controller()
await cluster.start_engines(2, job_profile="small")
rc = await cluster.connect_client()
await asyncio.wrap_future(rc.wait_for_engines(2, block=False, timeout=120))
answer(None)`)
    const hosts = await kernel.run<string[]>('answer(rc[:].apply_sync(socket.gethostname))')
    assert.deepEqual(hosts.map((host) => `pod/${host}`).toSorted(), (await listEngines()).toSorted())
    const [victim = ''] = await listEngines()
    await site.kubectl('delete', victim, '--grace-period=0', '--force', '--wait=false')
    await waitFor('the loss', async () => (await kernel.run<number>('answer(len(rc.ids))')) === 1, patience)
    await kernel.run('await cluster.stop_cluster()\nanswer(None)')
    await untilNoneIsLeft()
  })

  test('as ranks of one MPI program they reduce over two pods, and are gone with their cluster', {
    skip: mpiSkipReason,
  }, async () => {
    // Of another environment than the notebook's, which has no MPI.
    const program = JSON.stringify([join(mpiEnvironment, 'bin', 'python'), '-m', 'atrium_client.engine'])
    await kernel.run(`
cluster = ipp.Cluster(engines="atrium-mpi", n=2, engine_timeout=120)
await cluster.start_controller()
await cluster.start_engines(2, job_profile="mpi", nodes=2, engine_cmd=${program})
rc = await cluster.connect_client()
await asyncio.wrap_future(rc.wait_for_engines(2, block=False, timeout=180))
def reduce():
    import socket
    from mpi4py import MPI
    world = MPI.COMM_WORLD
    return world.rank, world.allreduce(world.rank + 1), socket.gethostname()
answer(None)`)
    const found = await kernel.run<[number, number, string][]>('answer(rc[:].apply_sync(reduce))')
    assert.deepEqual(found.map(([rank, sum]) => [rank, sum]).toSorted(), [
      [0, 3],
      [1, 3],
    ])
    // The main pod of the job starts ranks in the others, and has none itself.
    const hosts = found.map(([, , host]) => `pod/${host}`)
    const pods = await listEngines()
    assert.deepEqual([new Set(hosts).size, pods.length], [2, 3])
    assert.ok(
      hosts.every((host) => pods.includes(host)),
      `${hosts} of ${pods}`,
    )
    await kernel.run('await cluster.stop_cluster()\nanswer(None)')
    await untilNoneIsLeft()
  })
})
