import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { connect } from 'node:tls'

import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { getUnixAccount } from './accounts.ts'
import type { SlurmCluster } from './cluster.ts'
import { areRunning, type DaskSite, schedulerJob, startDaskSite, workersOf } from './dask-site.ts'
import { openSharedSlurmCluster, slurmSkipReason } from './shared-cluster.ts'

/** Two of six cores are the notebook's and the scheduler's. */
const roomForWorkers = 4
const patience = { deadlineMs: 120_000, everyMs: 100 }

/** Opens the cluster that the tests go on with, in a notebook. */
const open = (options = '') => `
import os, socket, time
from dask_gateway import Gateway
gateway = Gateway()
cluster = gateway.new_cluster(${options})
client = cluster.get_client()
answer(cluster.name)
`

describe('Dask on a Slurm cluster', { skip: slurmSkipReason }, () => {
  let slurm: SlurmCluster
  let dask: DaskSite
  let name: string

  before(async () => {
    slurm = openSharedSlurmCluster()
    dask = await startDaskSite(slurm, { quotas: { user: { workers: 6 } } })
    name = await dask.kernel.run(open())
  })
  after(() => dask?.dispose())

  const run = <T>(code: string) => dask.kernel.run<T>(code)
  /** By the scheduler's own count. */
  const untilWorkers = (count: number) =>
    run<number>(`
for _ in range(1200):
    connected = len(client.scheduler_info()["workers"])
    if connected == ${count}: break
    time.sleep(0.1)
answer(connected)`).then((connected) => assert.equal(connected, count))
  /** Of a job of bob's. */
  const untilRunning = (id: string) =>
    waitFor(
      `job ${id} to run`,
      async () => (await slurm.as('bob', 'squeue', ['-h', '-j', id, '-o', '%T'])).stdout.trim() === 'RUNNING',
      patience,
    )
  const addressOf = (node: string) => slurm.nodes.find((each) => each.name === node)?.address

  test('its scheduler and workers are jobs of the owner, the workers one array over several hosts that reach each other', async () => {
    await run(`cluster.scale(${roomForWorkers}); answer(None)`)
    await untilWorkers(roomForWorkers)
    const jobs = await dask.listDaskJobs()
    const workers = workersOf(jobs)
    assert.equal(jobs.filter((job) => job.name === schedulerJob).length, 1)
    assert.ok(areRunning(jobs, roomForWorkers), JSON.stringify(jobs))
    assert.equal(new Set(workers.map(({ array }) => array)).size, 1, JSON.stringify(workers))
    const hosts = [...new Set(workers.map(({ node }) => node))].toSorted()
    assert.ok(hosts.length >= 2, hosts.join(' '))
    const seen = await run<{ hosts: string[]; addresses: string[]; users: number[] }>(`
answer({"hosts": sorted(set(client.run(socket.gethostname).values())),
        "addresses": sorted({each.split("//")[1].split(":")[0] for each in client.scheduler_info()["workers"]}),
        "users": sorted(set(client.run(os.getuid).values()))})`)
    assert.deepEqual(seen.hosts, hosts)
    assert.deepEqual(seen.addresses, hosts.map(addressOf).toSorted())
    assert.equal(seen.users.length, 1)
    // What one computes is fetched by the others, straight from it.
    const sum = await run<number>(`
workers = list(client.scheduler_info()["workers"])
parts = [client.submit(lambda n: bytes([n]) * 1_000_000, n, workers=[each]) for n, each in enumerate(workers)]
sums = [client.submit(lambda *all: sum(map(sum, all)), *parts, workers=[each], pure=False) for each in workers]
total = sum(client.gather(sums))
# Results that somebody holds keep their workers when adapting lets others go.
del parts, sums
answer(total)`)
    assert.equal(sum, 4 * 1_000_000 * (0 + 1 + 2 + 3))
  })

  test('nobody else reaches it: not by the API, not its dashboard, not its scheduler', async () => {
    const { platform } = dask.site
    await platform.api('POST', '/hub/api/users/bob')
    const { body } = await platform.api<{ token: string }>('POST', '/hub/api/users/bob/tokens', { body: {} })
    const ask = async (path: string, method = 'GET') => {
      const headers = { authorization: `token ${body.token}`, 'content-type': 'application/json' }
      const sent = method === 'POST' ? { body: '{"count": 0}' } : {}
      return await fetch(`${platform.url}${path}`, { method, headers, redirect: 'manual', ...sent })
    }
    const listed = await ask('/gateway/api/v1/clusters/')
    assert.deepEqual([listed.status, await listed.json()], [200, {}])
    const refused = await Promise.all([
      ask(`/gateway/api/v1/clusters/${name}`),
      ask(`/gateway/api/v1/clusters/${name}`, 'DELETE'),
      ask(`/gateway/api/v1/clusters/${name}/scale`, 'POST'),
      ask(`/gateway/clusters/${name}/status`),
      ask(`/gateway/clusters/${name}/workers`),
      ask(`/api/v1/clusters/${name}`),
    ])
    for (const { status, url } of refused) assert.ok([403, 404].includes(status), `${url}: ${status}`)
    // The edge leads there; without the cluster's certificate that is all.
    const said = await converse(new URL(platform.url), `daskgateway-${name}`)
    assert.match(said, /CN|certificate|alert|ECONNRESET/i)
    assert.doesNotMatch(said, /^data/)
    await untilWorkers(roomForWorkers)
  })

  test('its key is in no argument, on no disk, and nowhere that somebody else can look', async () => {
    const look = (user: string, command: string) => slurm.as(user, 'sh', ['-c', command])
    const seen = await Promise.all([
      look('bob', 'cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null'),
      look('root', 'cat /proc/[0-9]*/cmdline 2>/dev/null'),
      look('bob', 'scontrol -dd -o show job; sacct -a -P -o ALL'),
    ])
    for (const { stdout } of seen) assert.doesNotMatch(stdout, /PRIVATE KEY/)
    const places = [slurm.dir, dask.site.shared, getUnixAccount('alice').home]
    const found = await slurm.as('root', 'grep', [
      '-rlF',
      'PRIVATE KEY-----',
      ...places,
      '--exclude-dir',
      '.cache',
    ])
    assert.equal(found.stdout, '')
  })

  test('more than the quota is not to be had, and the client says so', async () => {
    const warned = await run<string[]>(`
import warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    cluster.scale(50)
answer([str(each.message) for each in caught])`)
    assert.match(warned.join('\n'), /resource limit of 6 workers/)
    assert.equal((await dask.findCluster(name)).workers.wanted, 6)
  })

  test('workers for whom there is no room wait in Slurm, with its reason, and come when there is', async () => {
    const jobs = await dask.untilJobs(
      'six workers to be asked for',
      (each) => workersOf(each).length === 6 && areRunning(each, roomForWorkers),
    )
    const waiting = workersOf(jobs).filter(({ state }) => state === 'PENDING')
    assert.equal(waiting.length, 2)
    const { workers } = await dask.findCluster(name)
    assert.deepEqual([workers.running, workers.waiting], [roomForWorkers, 2])
    const reasons = async () => {
      const { workerList } = await dask.findCluster(name)
      return workerList.flatMap(({ state, message }) => (state === 'waiting' && message ? [message] : []))
    }
    await waitFor('both to say what they wait for', async () => (await reasons()).length === 2, patience)
    // Another user's job takes what three give back, before they are wanted again.
    await run('cluster.scale(1); answer(None)')
    await untilWorkers(1)
    const blocker = ['--parsable', '--output=/dev/null', '--ntasks=3', '--mem-per-cpu=100M']
    const { stdout } = await slurm.as('bob', 'sbatch', [...blocker, '--wrap=sleep 1000'])
    try {
      await untilRunning(stdout.trim())
      await run('cluster.scale(3); answer(None)')
      await dask.untilJobs('two to wait', (each) => areRunning(each, 1) && workersOf(each).length === 3)
    } finally {
      await slurm.as('bob', 'scancel', [stdout.trim()])
    }
    await untilWorkers(3)
  })

  test('fewer workers: those that go give their data to those that stay', async () => {
    await run('cluster.scale(4); answer(None)')
    await untilWorkers(4)
    await run(`
kept = client.map(lambda n: n * n, range(40), pure=False)
from dask.distributed import wait
wait(kept)
cluster.scale(1)
answer(None)`)
    await untilWorkers(1)
    await dask.untilJobs('one job of a worker', (jobs) => workersOf(jobs).length === 1)
    assert.equal(await run('answer(sum(client.gather(kept)))'), 20540)
    await run('del kept; answer(None)')
  })

  test('adapting brings workers when there is work and lets them go when there is none', async () => {
    await run(`
def slow(n):
    time.sleep(0.5)
    return n
cluster.adapt(minimum=0, maximum=3)
answer(None)`)
    await untilWorkers(0)
    await dask.untilJobs('no worker', (jobs) => workersOf(jobs).length === 0)
    const total = await run<number>(`
answer(sum(client.gather(client.map(slow, range(60), pure=False))))`)
    assert.equal(total, 1770)
    await untilWorkers(0)
    await dask.untilJobs('no worker again', (jobs) => workersOf(jobs).length === 0)
  })

  test('a worker that is killed, or cancelled in Slurm, is replaced, and the result is right', async () => {
    await run('cluster.scale(3); answer(None)')
    await untilWorkers(3)
    await run(`
work = client.map(slow, range(100, 160), pure=False, retries=5)
answer(None)`)
    const processes = await run<Record<string, { host: string; pid: number }>>(
      'answer(client.run(lambda: {"host": socket.gethostname(), "pid": os.getpid()}))',
    )
    const [victim] = Object.values(processes)
    assert.ok(victim)
    const before = workersOf(await dask.listDaskJobs()).map(({ id }) => id)
    await slurm.node(victim.host).run('kill', ['-KILL', String(victim.pid)])
    const replaced = await dask.untilJobs(
      'a new worker for the killed one',
      (jobs) => areRunning(jobs, 3) && workersOf(jobs).filter(({ id }) => !before.includes(id)).length === 1,
    )
    const [cancelled = ''] = workersOf(replaced).map(({ id }) => id)
    await slurm.as('alice', 'scancel', [cancelled])
    await dask.untilJobs(
      'a new worker for the cancelled one',
      (jobs) => areRunning(jobs, 3) && workersOf(jobs).every(({ id }) => id !== cancelled),
    )
    assert.equal(await run('answer(sum(client.gather(work)))'), (100 + 159) * 30)
  })

  test('when it is stopped nothing of it is left', async () => {
    await run('cluster.shutdown(); answer(None)')
    await dask.untilJobs('no job of Dask', (jobs) => jobs.length === 0)
    const state = async () => (await dask.findCluster(name)).state
    await waitFor('the platform to know', async () => (await state()) === 'stopped', patience)
    const left = await run<string[]>('answer([each.name for each in gateway.list_clusters()])')
    assert.deepEqual(left, [])
  })

  test('preemptible workers give way to what is more important, come back, and the result is right', async () => {
    name = await run(open('profile="spot", preemptible=True'))
    await run('cluster.scale(3); answer(None)')
    await untilWorkers(3)
    const jobs = await dask.listDaskJobs()
    for (const { partition } of workersOf(jobs)) assert.equal(partition, 'low')
    await run(`
work = client.map(slow, range(80), pure=False, retries=10)
answer(None)`)
    const node = workersOf(jobs)[0]?.node ?? ''
    const scheduler = jobs.find((job) => job.name === schedulerJob)
    assert.notEqual(scheduler?.partition, 'low', 'a scheduler that gives way would take the cluster with it')
    const important = [
      '--parsable',
      '-p',
      'high',
      '-w',
      node,
      '--ntasks=1',
      '--mem=100M',
      '--output=/dev/null',
    ]
    const { stdout, stderr } = await slurm.as('bob', 'sbatch', [...important, '--wrap=sleep 1000'])
    assert.ok(stdout.trim(), stderr)
    try {
      await untilRunning(stdout.trim())
      assert.equal(await run('answer(sum(client.gather(work)))'), 3160)
    } finally {
      await slurm.as('bob', 'scancel', [stdout.trim()])
    }
    await untilWorkers(3)
    await run('cluster.shutdown(); answer(None)')
    await dask.untilJobs('no job of Dask', (each) => each.length === 0)
  })
})

/** What a TLS server says to somebody without a certificate who asks for that name: `data …`, or how it ended. */
function converse(url: URL, servername: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({
      host: url.hostname,
      port: Number(url.port),
      servername,
      rejectUnauthorized: false,
      timeout: 20_000,
    })
    // TLS 1.3 tells the client only after its first words that a certificate was missing.
    socket.on('secureConnect', () => socket.write(Buffer.alloc(64)))
    socket.on('data', (data) => resolve(`data ${data.toString('hex')}`))
    socket.on('timeout', () => resolve('silence'))
    socket.on('error', (error) => resolve(String(error)))
    socket.on('close', () => resolve('ECONNRESET'))
  })
}
