import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'

import { isPlatformError } from '@atrium/contract/errors.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'
import type { HomeClaimsConfig } from '@atrium/server/scheduler/drivers/kubernetes/kubernetes-config.ts'
import type { JobSpec } from '@atrium/server/scheduler/job.ts'

import type { KubernetesCluster } from './cluster.ts'
import { namespace } from './driver-site.ts'
import { kubernetesSkipReason, openSharedKubernetesCluster } from './shared-cluster.ts'
import { createPeople, createStorageSite, type StorageSite } from './storage-site.ts'

const megabyte = 2 ** 20
const homes: HomeClaimsConfig = {
  ...{ storageClass: 'homes', sizeBytes: 32 * megabyte, accessModes: ['ReadWriteOnce'], fsGroup: true },
}
const claimPerUser = { size: '32M', accessModes: ['ReadWriteOnce' as const], fsGroup: true }
/** Of the home, as programs in it see it, in megabytes. */
const sizeOfHome = 'df -m ~ | tail -1 | tr -s " " | cut -d" " -f2'
const deadlineMs = 120_000
const signal = AbortSignal.timeout(1_200_000)

describe('a claim for each home', { skip: kubernetesSkipReason }, () => {
  let cluster: KubernetesCluster
  let site: StorageSite
  const kubectl = (...args: string[]) => cluster.kubectl(...args, '--namespace', namespace)

  before(async () => {
    cluster = openSharedKubernetesCluster()
    await cluster.startVolumes()
    site = await open('home-claims', homes)
    await createPeople(site, { alice: [], bob: [], carol: [], dave: [], erin: [] })
  })
  after(async () => {
    await site?.dispose()
    await kubectl('delete', 'pvc', '--selector', 'atrium.dev/home=claim', '--wait=false')
  })

  const open = (name: string, homeClaims: HomeClaimsConfig) =>
    createStorageSite(cluster, {
      ...{ name, storage: { homes: { claimPerUser } }, driver: { homeClaims } },
    })
  const follow = async (spec: JobSpec) => {
    const handle = await site.jobs.submit(spec)
    await site.jobs.until(handle, 'ended')
    return site.readLog(handle)
  }
  const readClaims = (login: string) =>
    kubectl('get', 'pvc', '--selector', `${site.selector},atrium.dev/owner=n-${login}`, '--output=name')

  test('is made at the first start, of the size that was asked for, and keeps what is in it', async () => {
    assert.equal(await readClaims('alice'), '')
    assert.equal(
      await site.run('alice', `${sizeOfHome}; umask 077; echo kept > note; stat -c %u note`),
      '32\n20000\n',
    )
    assert.equal(await site.run('alice', 'cat note'), 'kept\n')
    assert.match(
      await site.run('alice', 'dd if=/dev/zero of=big bs=1024k count=40 2>&1; rm big'),
      /No space left/,
    )
    assert.match(await readClaims('alice'), /^persistentvolumeclaim\/\S+\n$/)
  })

  test('is its owner’s alone', async () => {
    assert.equal(await site.run('bob', 'ls; ls /home'), 'bob\n')
    assert.notEqual(await readClaims('bob'), await readClaims('alice'))
  })

  test('becomes larger while its owner works, and never smaller', async () => {
    const alice = await site.prepare('alice')
    const script = `until [ "$(${sizeOfHome})" = 48 ]; do sleep 0.2; done; echo larger`
    const handle = await site.jobs.submit(site.build(alice, script))
    await site.jobs.until(handle, 'running')
    const claims = site.scheduler.homes
    assert.ok(claims)
    await claims.resize(alice, 48 * megabyte, signal)
    await site.jobs.until(handle, 'ended')
    assert.equal(await site.readLog(handle), 'larger\n')
    const grown = await waitFor(
      'the claim to say so',
      async () => {
        const found = await claims.find('alice', signal)
        return found?.capacityBytes === 48 * megabyte ? found : undefined
      },
      { deadlineMs },
    )
    assert.deepEqual(grown, { requestedBytes: 48 * megabyte, capacityBytes: 48 * megabyte })
    await assert.rejects(
      claims.resize(alice, 32 * megabyte, signal),
      (error) => isPlatformError(error, 'unprocessable') && /cannot become smaller/.test(error.message),
    )
    assert.equal(await site.run('alice', 'cat note'), 'kept\n')
  })

  test('becomes larger at the next start when its owner’s size was raised', async () => {
    await site.run('erin', 'true')
    const erin = { ...(await site.prepare('erin')), homeBytes: 40 * megabyte }
    assert.equal(
      await follow(site.build(erin, `until [ "$(${sizeOfHome})" = 40 ]; do sleep 0.2; done; echo larger`)),
      'larger\n',
    )
  })

  test('jobs of one owner share it on one node', async () => {
    const alice = await site.prepare('alice')
    const server = await site.jobs.submit(site.build(alice, 'sleep 1000', { kind: 'server' }))
    await site.jobs.until(server, 'running')
    assert.equal(await site.run('alice', 'echo from the batch > batch; cat note'), 'kept\n')
    const space = await waitFor(
      'a pod to say how full the home is',
      () => site.scheduler.findHomeSpace('alice'),
      {
        deadlineMs,
      },
    )
    assert.equal(space.bytes, 48 * megabyte)
    assert.ok(space.freeBytes > 0 && space.freeBytes < space.bytes)
    assert.equal(site.scheduler.findHomeSpace('bob'), undefined)
    await site.jobs.cancel(server)
    await site.jobs.until(server, 'ended')
  })

  test('workers, which may be on any node, have an empty home instead', async () => {
    const worker = site.build(await site.prepare('alice'), 'ls -A; touch x && echo writable', {
      kind: 'dask-worker',
    })
    assert.equal(await follow(worker), 'writable\n')
  })

  test('whose name somebody else’s claim has is not used', async () => {
    const carol = await site.prepare('carol')
    const [, name = ''] = (await readClaims('alice')).trim().split('/')
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: name.replace('alice', 'carol'), namespace },
      spec: {
        accessModes: ['ReadWriteOnce'],
        storageClassName: 'homes',
        resources: { requests: { storage: '1Mi' } },
      },
    })
    const answer = await site.submit(site.build(carol, 'true'))
    assert.ok(
      answer.outcome === 'rejected' && /not of this platform/.test(answer.message),
      JSON.stringify(answer),
    )
    await kubectl('delete', 'pvc', name.replace('alice', 'carol'), '--wait=false')
  })

  test('outlives its owner’s jobs', async () => {
    const before = await readClaims('alice')
    const handle = await site.jobs.submit(site.build(await site.prepare('alice'), 'true'))
    await site.jobs.until(handle, 'ended')
    await site.scheduler.forget([handle], { signal })
    assert.equal(await readClaims('alice'), before)
  })

  test('whose volume does not come is waited for, with the storage’s own words', async () => {
    const full = await open('home-claims-full', { ...homes, storageClass: 'full' })
    try {
      await createPeople(full, { alice: [] })
      const handle = await full.jobs.submit(full.build(await full.prepare('alice'), 'true'))
      // Being made at first; what the storage says of it comes a little later.
      const { reason } = await full.jobs.until(handle, 'pending', (seen) =>
        /no room in the pool/.test(seen.reason ?? ''),
      )
      assert.match(reason ?? '', /^The home waits for its volume/)
      assert.match((await full.scheduler.homes?.find('alice', signal))?.trouble ?? '', /no room in the pool/)
      await full.jobs.cancel(handle)
    } finally {
      await full.dispose()
    }
  })
})
