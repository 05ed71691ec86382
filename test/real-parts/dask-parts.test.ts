import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'

import { buildDashboardProof } from '@atrium/server/dask/cluster-routes.ts'
import { hashSecret } from '@atrium/server/platform/secret.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { findFreePort } from '../support/free-port.ts'
import { ensureTestEnvironment } from '../support/python-environment.ts'

const run = promisify(execFile)
const client = join(import.meta.dirname, '..', '..', 'python', 'client', 'src')
const patient = { deadlineMs: 90_000, everyMs: 50 }

/** A gateway that writes down what schedulers tell it. */
async function startGateway() {
  const calls: { call: string; body: Record<string, unknown> }[] = []
  const server = createServer(async (request, response) => {
    const chunks = await Array.fromAsync(request)
    const text = Buffer.concat(chunks).toString()
    calls.push({ call: `${request.method} ${request.url}`, body: text === '' ? {} : JSON.parse(text) })
    response.writeHead(204).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { calls, url: `http://127.0.0.1:${port}/api`, close: () => server.close() }
}

describe('our parts in an unmodified Dask scheduler and worker', () => {
  let python: string
  let gateway: Awaited<ReturnType<typeof startGateway>>
  const children: ChildProcess[] = []
  const folder = mkdtempSync(join(tmpdir(), 'atrium-dask-parts-'))

  before(async () => {
    python = join(await ensureTestEnvironment(), 'bin', 'python')
    gateway = await startGateway()
  })
  after(() => {
    for (const child of children) child.kill('SIGKILL')
    gateway.close()
    rmSync(folder, { recursive: true, force: true })
  })

  function start(args: readonly string[], environment: Record<string, string> = {}) {
    const env = {
      PATH: process.env['PATH'],
      HOME: folder,
      TMPDIR: folder,
      PYTHONPATH: client,
      ...environment,
    }
    const child = spawn(python, ['-m', ...args], { env, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
    children.push(child)
    const output: string[] = []
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => output.push(chunk.toString()))
    const exited = once(child, 'exit').then(([code]) => code as number | null)
    return { child, exited, output: () => output.join('') }
  }

  /** One that has told the gateway of itself. */
  async function startScheduler(
    name: string,
    environment: Record<string, string> = {},
    dashboard: readonly string[] = ['--no-dashboard', '--dashboard-address', '127.0.0.1:0'],
  ) {
    const port = await findFreePort()
    const args = ['--host', '127.0.0.1', '--port', String(port), ...dashboard]
    const preloads = ['dask_gateway.scheduler_preload', 'atrium_client.dask_scheduler']
    const scheduler = start(
      [
        'distributed.cli.dask_scheduler',
        ...args,
        ...preloads.flatMap((preload) => ['--preload', preload]),
        ...['--dg-api-address', '127.0.0.1:0'],
      ],
      {
        DASK_GATEWAY_CLUSTER_NAME: name,
        DASK_GATEWAY_API_URL: gateway.url,
        DASK_GATEWAY_API_TOKEN: 'secret',
        ...environment,
      },
    )
    const heartbeat = `POST /api/v1/clusters/${name}/heartbeat`
    await waitFor(
      'its heartbeat',
      () => gateway.calls.some(({ call }) => call === heartbeat) || scheduler.child.exitCode !== null,
      patient,
    )
    assert.equal(scheduler.child.exitCode, null, scheduler.output())
    await scale(name, 1)
    return { ...scheduler, address: `tcp://127.0.0.1:${port}` }
  }

  /** A scheduler closes workers that nobody wants. */
  async function scale(name: string, count: number): Promise<void> {
    const { body } = gateway.calls.find(({ call }) => call.includes(`/${name}/heartbeat`)) ?? {}
    const { status } = await fetch(`${body?.['api_address']}/api/comm`, {
      method: 'POST',
      headers: { authorization: 'token secret', 'content-type': 'application/json' },
      body: JSON.stringify({ op: 'scale', count }),
    })
    assert.equal(status, 200)
  }

  const isStopped = (name: string) =>
    gateway.calls.some(({ call }) => call === `DELETE /api/v1/clusters/${name}?reason=no_clients`)

  /** What a program prints that connects and says that it has other versions; `changes` of what distributed reports. */
  async function connect(address: string, changes: object): Promise<string> {
    const code = `
import json, sys
import distributed.versions as versions
real = versions.get_versions
changes = json.loads(sys.argv[2])
def get_versions(*args):
    found = real(*args)
    return {**found, "packages": {**found["packages"], **changes}}
versions.get_versions = get_versions
from distributed import Client
try:
    with Client(sys.argv[1]) as client: print("connected", len(client.scheduler_info()["workers"]))
except ImportError as error: print("ImportError", error)`
    const { stdout } = await run(python, ['-W', 'ignore', '-c', code, address, JSON.stringify(changes)])
    return stdout
  }

  test('a client of other versions is refused by its own Client, with the difference', async () => {
    const { address } = await startScheduler('versions')
    const other = await connect(address, { dask: '2020.1.0', python: '3.9.18.final.0', toolz: '0.1' })
    assert.match(other, /^ImportError This cluster runs another Python environment/)
    assert.match(other, /\n {2}python +3\.9 +3\.\d+\n {2}dask +2020\.1\.0 +20\d\d\.\d+/)
    assert.doesNotMatch(other, /toolz/)
    const patch = process.version
    assert.match(await connect(address, { tornado: patch }), /^connected/, 'others are only warned of')
    assert.match(await connect(address, {}), /^connected/)
  })

  test('which an administrator can leave to a warning', async () => {
    const { address } = await startScheduler('warned', { ATRIUM_DASK_VERSIONS: 'warn' })
    assert.match(await connect(address, { dask: '2020.1.0' }), /^connected/)
  })

  test('a dashboard answers the edge alone, websockets included; whether it is there, everybody', async () => {
    const port = await findFreePort()
    const prefix = '/gateway/clusters/guarded'
    const flags = ['--dashboard', '--dashboard-address', `127.0.0.1:${port}`, '--dashboard-prefix', prefix]
    await startScheduler('guarded', {}, flags)
    const proof = buildDashboardProof(hashSecret('secret'))
    const statusOf = async (path: string, headers: Record<string, string> = {}) =>
      (await fetch(`http://127.0.0.1:${port}${prefix}${path}`, { headers, redirect: 'manual' })).status
    assert.equal(await statusOf('/status', { 'x-atrium-proof': proof }), 200)
    assert.equal(await statusOf('/health'), 200)
    for (const path of [
      '/status',
      '/info/main/workers.html',
      '/json/counts.json',
      '/statics/css/base.css',
      '/metrics',
      '/',
      '/status/ws',
    ])
      for (const headers of [{}, { 'x-atrium-proof': '' }, { 'x-atrium-proof': hashSecret('secret') }])
        assert.equal(await statusOf(path, headers), 403, `${path} ${JSON.stringify(headers)}`)
  })

  test('a cluster without clients is stopped through the gateway, one with a client is not', async () => {
    const never = startScheduler('never', { ATRIUM_DASK_CLIENT_TIMEOUT: '1' })
    const { address } = await startScheduler('held', { ATRIUM_DASK_CLIENT_TIMEOUT: '3' })
    const code = `
import sys
from distributed import Client
client = Client(sys.argv[1])
print("here", flush=True)
sys.stdin.read()
client.close()`
    const holder = spawn(python, ['-c', code, address], { stdio: ['pipe', 'pipe', 'inherit'] })
    children.push(holder)
    await once(holder.stdout, 'data')
    await never
    await waitFor('the one that nobody came to', () => isStopped('never'), patient)
    // A second cluster that has been without anybody as long as this one had somebody is gone meanwhile.
    await startScheduler('later', { ATRIUM_DASK_CLIENT_TIMEOUT: '4' })
    await waitFor('the later one', () => isStopped('later'), patient)
    assert.equal(isStopped('held'), false)
    holder.stdin.end()
    await waitFor('the one that was left', () => isStopped('held'), patient)
  })

  test('a scheduler that is told to end says so to its workers, and all end well', async () => {
    const { address, child, exited } = await startScheduler('ending')
    const worker = start([
      'atrium_client.dask_worker',
      '--scheduler',
      address,
      '--name',
      'w',
      '--nthreads',
      '1',
    ])
    await waitFor('the worker', () => worker.output().includes('Registered to'), patient)
    child.kill('SIGTERM')
    assert.deepEqual([await exited, await worker.exited], [0, 0])
  })

  test('a worker listens towards its scheduler alone, keeps its files to itself and its threads to tasks', async () => {
    const { address } = await startScheduler('worker')
    // Of somebody's home nothing is imported in place of a package.
    mkdirSync(join(folder, 'dask'), { recursive: true })
    writeFileSync(join(folder, 'random.py'), 'raise RuntimeError("taken from the home")')
    const worker = start([
      ...['atrium_client.dask_worker', '--scheduler', address, '--name', 'w-1', '--nthreads', '2'],
      ...['--memory-limit', '300000000', '--gpu', '2'],
    ])
    await waitFor(
      'it to register',
      () => /Registered to/.test(worker.output()) || worker.child.exitCode,
      patient,
    )
    assert.match(worker.output(), /Listening to: +tcp:\/\/127\.0\.0\.1:/)
    assert.match(worker.output(), /dashboard at: +127\.0\.0\.1:/)
    const code = `
import os, sys
from distributed import Client
client = Client(sys.argv[1])
[worker] = client.scheduler_info()["workers"].values()
look = lambda: os.environ["OMP_NUM_THREADS"]
print(worker["name"], worker["nthreads"], worker["memory_limit"], worker["resources"], worker["nanny"])
print(client.submit(look, resources={"GPU": 2}).result())
client.close()`
    const { stdout } = await run(python, ['-c', code, address])
    assert.equal(stdout, "w-1 2 300000000 {'GPU': 2.0} None\n1\n")
    const [place = ''] = readdirSync(folder).filter((name) => name.startsWith('atrium-dask-'))
    assert.equal(statSync(join(folder, place)).mode & 0o777, 0o700)
    worker.child.kill('SIGKILL')
    rmSync(join(folder, 'random.py'))
    rmSync(join(folder, 'dask'), { recursive: true })
  })

  test('a place for files that another could have made is not used', async () => {
    const elsewhere = mkdtempSync(join(folder, 'elsewhere-'))
    const uid = process.getuid?.() ?? 0
    const look = () =>
      run(python, ['-c', 'import atrium_client.dask_worker as w; print(w.ensure_private_folder())'], {
        env: { PYTHONPATH: client, TMPDIR: elsewhere },
      })
    const usual = join(elsewhere, `atrium-dask-${uid}`)
    assert.equal((await look()).stdout.trim(), usual)
    assert.equal((await look()).stdout.trim(), usual, 'the same again')
    rmSync(usual, { recursive: true })
    symlinkSync(folder, usual)
    const { stdout } = await look()
    assert.notEqual(stdout.trim(), usual)
    assert.equal(statSync(stdout.trim()).mode & 0o777, 0o700)
  })

  test('a worker that is told to end does not wait for the task that it runs', async () => {
    const { address } = await startScheduler('busy')
    const worker = start([
      'atrium_client.dask_worker',
      '--scheduler',
      address,
      '--name',
      'w',
      '--nthreads',
      '1',
    ])
    const code = `
import sys, time
from distributed import Client, fire_and_forget
def wait():
    print("at work", flush=True)
    time.sleep(1000)
client = Client(sys.argv[1])
fire_and_forget(client.submit(wait))
client.close()`
    await run(python, ['-c', code, address])
    await waitFor('the task', () => worker.output().includes('at work'), patient)
    worker.child.kill('SIGTERM')
    assert.equal(await worker.exited, 0)
  })

  test('a worker ends when its scheduler is gone, and when there never was one', async () => {
    const { address, child } = await startScheduler('gone')
    const worker = start([
      'atrium_client.dask_worker',
      '--scheduler',
      address,
      '--name',
      'w',
      '--nthreads',
      '1',
    ])
    await waitFor('it to register', () => worker.output().includes('Registered to'), patient)
    child.kill('SIGKILL')
    await worker.exited
    const nowhere = ['--scheduler', 'tcp://127.0.0.1:9', '--name', 'w', '--death-timeout', '1']
    const lost = start(['atrium_client.dask_worker', ...nowhere])
    assert.equal(await lost.exited, 1, lost.output())
    const wrong = start(['atrium_client.dask_worker', '--scheduler', 'nonsense', '--name', 'w'])
    assert.equal(await wrong.exited, 1)
    assert.match(wrong.output(), /nonsense is no address of a scheduler/)
  })
})
