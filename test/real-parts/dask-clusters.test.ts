import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import {
  type DaskUser,
  findCluster,
  listClusters,
  openCluster,
  startDaskUser,
  untilCluster,
  untilNoJobs,
} from '../support/dask.ts'
import { type Platform, startPlatform } from '../support/platform.ts'

const config = `
dask:
  maximum: {workers: 6}
quotas:
  users:
    carol: {workers: 1}
`

describe('Dask clusters with the unmodified client of Dask Gateway', () => {
  let platform: Platform
  let alice: DaskUser

  before(async () => {
    platform = await startPlatform({ config })
    alice = await startDaskUser(platform, 'alice')
  })
  after(async () => {
    alice?.close()
    await platform?.dispose()
  })

  test('one is made, computes, grows and shrinks, and is gone when its owner closes it', async () => {
    const name = await openCluster(alice, 2)
    assert.equal(
      await alice.run('print(sum(client.gather(client.map(lambda x: x**2, range(100)))))'),
      '328350\n',
    )
    const mean = await alice.run(`
import dask.array as da
print(da.ones((2000, 2000), chunks=(500, 500)).mean().compute())`)
    assert.equal(mean, '1.0\n')
    await alice.run('cluster.scale(1)')
    await untilCluster(platform, name, 'of one worker', ({ workers }) => workers.running === 1)
    await alice.run('cluster.scale(3)')
    const three = await untilCluster(platform, name, 'of three', ({ workers }) => workers.running === 3)
    assert.equal(three.user, 'alice')
    assert.ok(three.use.coreHours > 0)
    assert.deepEqual(three.workerList.filter(({ state }) => state === 'running').length, 3)
    await alice.run('cluster.close()')
    await untilCluster(platform, name, 'stopped', ({ state }) => state === 'stopped')
    await untilNoJobs(platform, 'alice')
    assert.deepEqual(await listClusters(platform), [])
  })

  test('one is found again by its name, from another session', async () => {
    const name = await alice.run('name = gateway.submit(); print(name, end="")')
    const output = await alice.run(`
cluster = gateway.connect(name)
cluster.scale(1)
with cluster.get_client() as client: print(client.submit(sum, [1, 2, 3]).result(timeout=120))
cluster.close()
print([report.name == name for report in gateway.list_clusters()])`)
    assert.equal(output, '6\n[True]\n')
    await alice.run('gateway.stop_cluster(name)')
    await untilCluster(platform, name, 'stopped', ({ state }) => state === 'stopped')
  })

  test('adapting, it has as many workers as there is work for, and none when there is none', async () => {
    const name = await openCluster(alice, 0)
    const output = await alice.run(`
import warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    cluster.adapt(0, 10000)
print([str(one.message) for one in caught])
futures = client.map(lambda x: time.sleep(0.5), range(60), pure=False)`)
    assert.match(output, /maximum=10000, minimum=0.*exceed resource limit of 6 workers/)
    const grown = await untilCluster(platform, name, 'grown', ({ workers }) => workers.running >= 2)
    assert.ok(grown.workers.running <= 6)
    assert.deepEqual(grown.adapt, { minimum: 0, maximum: 6 })
    await alice.run('client.gather(futures); del futures')
    await untilCluster(
      platform,
      name,
      'without workers',
      ({ workers }) => workers.running + workers.waiting === 0,
    )
    await alice.run('cluster.close()')
    await untilNoJobs(platform, 'alice')
  })

  test('a worker beyond a quota waits, and is there when there is room', async () => {
    const carol = await startDaskUser(platform, 'carol')
    try {
      const first = await openCluster(carol, 1)
      await carol.run('other = gateway.new_cluster(); other.scale(1)')
      const second = (await carol.run('print(other.name, end="")')).trim()
      const waiting = await untilCluster(platform, second, 'waiting', ({ message }) => message !== undefined)
      assert.match(waiting.message ?? '', /user carol is 1 workers at a time/)
      await carol.run(`gateway.stop_cluster("${first}")`)
      await untilCluster(platform, second, 'complete', ({ workers }) => workers.running === 1)
      await carol.run('other.close()')
    } finally {
      carol.close()
    }
    await untilNoJobs(platform, 'carol')
  })

  test('it ends by itself without work, or without a client, as was asked for', async () => {
    await alice.run('idle = gateway.submit(idle_timeout=1, client_timeout=0)')
    await alice.run('left = gateway.submit(idle_timeout=0, client_timeout=1)')
    for (const [variable, reason] of [
      ['idle', /no work/],
      ['left', /[Nn]o client/],
    ] as const) {
      const name = await alice.run(`print(${variable}, end="")`)
      const ended = await untilCluster(platform, name, 'stopped', ({ state }) => state === 'stopped')
      assert.match(ended.message ?? '', reason)
    }
    await untilNoJobs(platform, 'alice')
  })

  test('when its owner is deleted, nothing of it is left', async () => {
    const bob = await startDaskUser(platform, 'bob')
    try {
      await openCluster(bob, 1)
      const deleted = await platform.api('DELETE', '/hub/api/users/bob')
      assert.equal(deleted.status, 204)
      await untilNoJobs(platform)
      assert.deepEqual(await listClusters(platform, '?state=all&user=bob'), [])
    } finally {
      bob.close()
    }
  })

  test('schedulers and workers come from a preloaded interpreter, once it is loaded', async () => {
    const records = globSync('dask-*/record.json', { cwd: join(platform.data, 'jobs') })
    const warm = records.filter((name) => {
      const record = readFileSync(join(platform.data, 'jobs', name), 'utf8')
      return (JSON.parse(record) as { warm: { used: boolean } }).warm.used
    })
    for (const kind of ['dask-scheduler', 'dask-worker']) {
      assert.ok(
        warm.some((name) => name.startsWith(kind)),
        `${warm.length} of ${records.join(' ')}`,
      )
    }
  })

  test('an environment without Dask is refused, or its cluster fails and says why', async () => {
    const outcome = await alice.run(`
try:
    print("name", gateway.submit(environment="/usr"), end="")
except ValueError as error:
    print("refused", error)`)
    if (outcome.startsWith('refused')) return
    const name = outcome.slice('name '.length)
    const failed = await untilCluster(platform, name, 'failed', ({ state }) => state === 'failed')
    assert.match(failed.message ?? '', /Its scheduler ended/)
    assert.ok((await findCluster(platform, name)).schedulerJob)
    await untilNoJobs(platform, 'alice')
  })
})
