import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'

import {
  type DaskUser,
  findCluster,
  openCluster,
  startDaskUser,
  untilCluster,
  untilNoJobs,
} from '../support/dask.ts'
import { type Platform, startPlatform } from '../support/platform.ts'
import { startTwoControlPlanes, whyNoPostgres } from '../support/two-control-planes.ts'

/** Takes some seconds on two workers, and its sum is known: 0 + 1 + ... + 79. */
const begin = `
def slowly(x):
    import time
    time.sleep(0.1)
    return x
futures = client.map(slowly, range(80), pure=False)
total = client.submit(sum, futures)
while not any(future.done() for future in futures): time.sleep(0.05)`
const finish = 'print(total.result(timeout=120), end="")'
const right = String((79 * 80) / 2)

interface Site {
  platform: Platform
  alice: DaskUser
  name: string
}

/** A cluster of two workers in the middle of a computation. */
async function setUp(t: TestContext): Promise<Site> {
  const platform = await startPlatform()
  t.after(() => platform.dispose())
  const alice = await startDaskUser(platform, 'alice')
  t.after(() => alice.close())
  const name = await openCluster(alice, 2)
  await alice.run(begin)
  return { platform, alice, name }
}

async function closeAndCheck({ platform, alice, name }: Site): Promise<void> {
  await alice.run('cluster.shutdown()')
  await untilCluster(platform, name, 'stopped', ({ state }) => state === 'stopped')
  await untilNoJobs(platform)
}

describe('a computation on a Dask cluster, and what is killed without a word', () => {
  test('the control plane: the result is right, and the cluster goes on when it is back', async (t) => {
    const site = await setUp(t)
    const { platform, alice, name } = site
    await platform.kill()
    assert.equal(await alice.run(finish), right)
    await platform.startAgain()
    assert.equal((await findCluster(platform, name)).state, 'running')
    await alice.run('cluster.scale(3)')
    await untilCluster(platform, name, 'of three workers', ({ workers }) => workers.running === 3)
    await closeAndCheck(site)
  })

  test('the control plane while a cluster starts: it starts all the same', async (t) => {
    const platform = await startPlatform()
    t.after(() => platform.dispose())
    const alice = await startDaskUser(platform, 'alice')
    t.after(() => alice.close())
    const name = (await alice.run('name = gateway.submit(); print(name, end="")')).trim()
    await alice.run('gateway.scale_cluster(name, 1)')
    await platform.kill()
    await platform.startAgain()
    await untilCluster(platform, name, 'complete', ({ workers }) => workers.running === 1)
    await alice.run('cluster = gateway.connect(name)')
    await closeAndCheck({ platform, alice, name })
  })

  test('a worker: the result is right, and another takes its place', async (t) => {
    const site = await setUp(t)
    const { platform, alice, name } = site
    const [first] = (await findCluster(platform, name)).workerList
    await alice.run(`
pids = client.run(os.getpid)
os.kill(list(pids.values())[0], signal.SIGKILL)`)
    assert.equal(await alice.run(finish), right)
    const whole = await untilCluster(platform, name, 'whole again', ({ workers, workerList }) => {
      return workers.running === 2 && workerList.some(({ state }) => state === 'ended')
    })
    assert.equal(whole.workerList.length, 3)
    assert.ok(first)
    const lost = whole.workerList.find(({ state }) => state === 'ended')
    assert.match(lost?.message ?? '', /SIGKILL/)
    await closeAndCheck(site)
  })

  test('the scheduler: its owner is told so, the cluster has failed, and no worker is left', async (t) => {
    const { platform, alice, name } = await setUp(t)
    await alice.run('os.kill(client.run_on_scheduler(os.getpid), signal.SIGKILL)').catch(() => {})
    const failed = await untilCluster(platform, name, 'failed', ({ state }) => state === 'failed')
    assert.match(failed.message ?? '', /Its scheduler ended\. .*SIGKILL/)
    await untilNoJobs(platform)
    const told = await alice.run(`
try: print(total.result(timeout=120))
except Exception as error: print(type(error).__name__)
try: gateway.scale_cluster(cluster.name, 1)
except Exception as error: print(type(error).__name__, error)`)
    assert.match(
      told,
      /^(CancelledError|FutureCancelledError|CommClosedError|TimeoutError)\nGatewayClusterError/m,
    )
    assert.match(told, /is not running/)
  })

  test('the edge: the cluster goes on, the computation is done again or right at once', async (t) => {
    const site = await setUp(t)
    const { platform, alice, name } = site
    const { pids } = JSON.parse(await readFile(join(platform.data, 'platform.json'), 'utf8')) as {
      pids: { edge: number }
    }
    process.kill(pids.edge, 'SIGKILL')
    const outcome = await alice.run(`
try: print(total.result(timeout=120), end="")
except Exception as error: print(type(error).__name__, end="")`)
    assert.ok(
      [right, 'CancelledError', 'FutureCancelledError', 'FuturesCancelledError'].includes(outcome),
      outcome,
    )
    // Whatever became of that one: the same client goes on.
    await alice.run(begin)
    assert.equal(await alice.run(finish), right)
    assert.equal((await findCluster(platform, name)).state, 'running')
    await closeAndCheck(site)
  })

  test('whatever the user does with it: workers that die of a task are replaced, and the task is to blame', async (t) => {
    const site = await setUp(t)
    const { platform, alice, name } = site
    assert.equal(await alice.run(finish), right)
    const told = await alice.run(`
deadly = client.submit(lambda: os.kill(os.getpid(), signal.SIGKILL))
try: deadly.result(timeout=120)
except Exception as error: print(type(error).__name__, end="")`)
    assert.equal(told, 'KilledWorker')
    await untilCluster(platform, name, 'whole again', ({ workers }) => workers.running === 2)
    assert.equal(await alice.run('print(client.submit(sum, [1, 2]).result(timeout=120), end="")'), '3')
    await closeAndCheck(site)
  })
})

describe('a Dask cluster and two control planes on PostgreSQL', { skip: whyNoPostgres }, () => {
  test('one is killed, then the other: the computation does not notice, and the size is what was asked for', async (t) => {
    const { platform, second } = await startTwoControlPlanes(t)
    const alice = await startDaskUser(platform, 'alice')
    t.after(() => alice.close())
    const name = await openCluster(alice, 2)
    await alice.run(begin)
    await platform.kill()
    await alice.run('cluster.scale(3)')
    await untilCluster(platform, name, 'of three workers', ({ workers }) => workers.running === 3)
    assert.equal(await alice.run(finish), right)
    await platform.startAgain()
    await alice.run(begin)
    await second.kill()
    await alice.run('cluster.scale(1)')
    await untilCluster(platform, name, 'of one worker', ({ workers }) => workers.running === 1)
    assert.equal(await alice.run(finish), right)
    await closeAndCheck({ platform, alice, name })
  })
})
