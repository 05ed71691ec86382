import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'

import type { ClusterDetail } from '@atrium/contract/clusters-api.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { type Platform, runCli, startPlatform } from '../support/platform.ts'
import { ensureTestEnvironment } from '../support/python-environment.ts'
import type { HttpBrowser } from './http-browser.ts'
import { executeCode, openSocket, type TestSocket } from './jupyter-socket.ts'
import { createPerson, signIn, startServer } from './people.ts'

const run = promisify(execFile)
const longMs = 120_000

const config = `
signIn: {pam: off}
groups: {physics: {}}
dask:
  worker: {memory: 512M}
  maximum: {workers: 3, cores: 2}
  groups: {physics: {cores: 4}}
`

describe('unmodified dask-gateway', () => {
  let platform: Platform
  let python: string
  let alice: HttpBrowser
  let kernel: TestSocket
  const tokens: Record<string, string> = {}

  before(async () => {
    const prefix = await ensureTestEnvironment()
    python = join(prefix, 'bin', 'python')
    platform = await startPlatform({ config, prefix })
    for (const name of ['alice', 'bob']) {
      await createPerson(platform, name)
      const made = await platform.api<{ token: string }>('POST', `/hub/api/users/${name}/tokens`, {
        body: {},
      })
      tokens[name] = made.body.token
    }
    await platform.api('POST', '/hub/api/groups/physics/users', { body: { users: ['alice'] } })
    alice = await signIn(platform, 'alice')
    await startServer(platform, 'alice')
    await alice.open('/user/alice/lab')
    kernel = await openKernel()
  })
  after(async () => {
    kernel?.close()
    await platform?.dispose()
  })

  async function openKernel(): Promise<TestSocket> {
    const started = await alice.call('/user/alice/api/kernels', {
      method: 'POST',
      body: '{"name":"python3"}',
    })
    assert.equal(started.status, 201, started.text)
    const { id } = JSON.parse(started.text) as { id: string }
    return openSocket(alice, platform.url, `/user/alice/api/kernels/${id}/channels`)
  }

  /** What code in a notebook of alice printed, as JSON. */
  async function inNotebook<T>(code: string): Promise<T> {
    return JSON.parse(await executeCode(kernel, `import json\n${code}`)) as T
  }

  /** The same on a laptop, where nothing but the address and a token of `user` is known; `gateway` is made by BasicAuth. */
  async function onLaptop<T>(user: string, code: string): Promise<T> {
    const script = `
import json, os
from dask_gateway import BasicAuth, Gateway, GatewayClusterError
from dask_gateway.auth import JupyterHubAuth
address, token = os.environ["ADDRESS"], os.environ["TOKEN"]
gateway = Gateway(address, auth=BasicAuth(password=token))
${code}`
    const { PATH = '', HOME = '' } = process.env
    const { stdout } = await run(python, ['-c', script], {
      env: { PATH, HOME, ADDRESS: `${platform.url}/gateway`, TOKEN: tokens[user] },
      timeout: longMs,
    })
    return JSON.parse(stdout) as T
  }

  const show = async (name: string) =>
    (await platform.api<ClusterDetail>('GET', `/api/v1/clusters/${name}`)).body

  test('computes from a notebook without a word of where and who', async () => {
    const seen = await inNotebook<Record<string, unknown>>(`
import sys
from dask_gateway import Gateway
gateway = Gateway()
cluster = gateway.new_cluster()
cluster.scale(2)
client = cluster.get_client()
client.wait_for_workers(2, timeout=50)
print(json.dumps({
    "name": cluster.name,
    "sum": sum(client.gather(client.map(lambda x: x * x, range(100)))),
    "prefixes": sorted({*client.run(lambda: __import__("sys").prefix).values(), sys.prefix}),
    "workers": len(client.scheduler_info()["workers"]),
    "dashboard": cluster.dashboard_link,
}))`)
    const name = String(seen['name'])
    assert.deepEqual(seen, {
      name,
      sum: 328_350,
      prefixes: [join(python, '../..')],
      workers: 2,
      dashboard: `/gateway/clusters/${name}/status`,
    })
    const cluster = await show(name)
    assert.deepEqual([cluster.user, cluster.server, cluster.workers.wanted], ['alice', '', 2])
  })

  test('is found again from a laptop by a token, scaled, adapted and stopped', async () => {
    const seen = await onLaptop<Record<string, unknown>>(
      'alice',
      `
import warnings
[report] = gateway.list_clusters()
with Gateway(address, auth=JupyterHubAuth(token)).connect(report.name) as cluster, cluster.get_client() as client:
    answer = client.submit(lambda x: x + 1, 41).result()
    with warnings.catch_warnings(record=True) as warned:
        cluster.scale(1000)
    cluster.adapt(minimum=1, maximum=2)
gateway.stop_cluster(report.name)
print(json.dumps({
    "status": report.status.name,
    "answer": answer,
    "warning": str(warned[0].message),
    "link": report.dashboard_link == f"{address}/clusters/{report.name}/status",
}))`,
    )
    assert.deepEqual(seen, {
      status: 'RUNNING',
      answer: 42,
      warning:
        'Scale request of 1000 workers would exceed resource limit of 3 workers. Scaling to 3 instead.',
      link: true,
    })
    await waitFor(
      'the end',
      async () => {
        const { body } = await platform.api<{ clusters: unknown[] }>('GET', '/api/v1/clusters?user=alice')
        return body.clusters.length === 0
      },
      { deadlineMs: 60_000 },
    )
  })

  test('shows options that are the user’s own, and refuses others in words', async () => {
    const describe = `
options = gateway.cluster_options()
def refusal(**given):
    try:
        gateway.submit(**given)
    except ValueError as error:
        return str(error)
try:
    options.worker_cores = 99
except ValueError as error:
    most = str(error)
print(json.dumps([sorted(options), most, refusal(worker_cores=99), refusal(nodes=1)]))`
    const names = [
      'client_timeout',
      'environment',
      'environment_vars',
      'idle_timeout',
      'worker_cores',
      'worker_memory',
      'worker_threads',
    ]
    const most = (cores: number) => `worker_cores must be <= ${cores}.000000, got 99`
    const unknown = "Unknown fields ['nodes']"
    assert.deepEqual(await onLaptop('alice', describe), [names, most(4), most(4), unknown])
    assert.deepEqual(await onLaptop('bob', describe), [names, most(2), most(2), unknown])
  })

  test('submits without waiting, with options of its own, and computes asynchronously', async () => {
    const seen = await onLaptop<Record<string, unknown>>(
      'bob',
      `
import asyncio
async def main():
    async with Gateway(address, auth=BasicAuth(password=token), asynchronous=True) as gateway:
        options = await gateway.cluster_options()
        options.worker_threads = 3
        options.environment_vars = {"COLOUR": "green"}
        name = await gateway.submit(options)
        early = await gateway.get_cluster(name)
        async with gateway.connect(name, shutdown_on_close=True) as cluster:
            await cluster.scale(1)
            async with cluster.get_client() as client:
                await client.wait_for_workers(1, timeout=60)
                colours = await client.run(lambda: __import__("os").environ["COLOUR"])
                threads = sum((await client.nthreads()).values())
        left = [report.name for report in await gateway.list_clusters()]
        return {"early": early.status.name, "colours": list(colours.values()), "threads": threads, "left": left}
print(json.dumps(asyncio.run(main())))`,
    )
    assert.ok(['PENDING', 'RUNNING'].includes(String(seen['early'])))
    assert.deepEqual([seen['colours'], seen['threads'], seen['left']], [['green'], 3, []])
  })

  test('is refused with a token that is none, and shows others nothing', async () => {
    const name = await onLaptop<string>('alice', 'print(json.dumps(gateway.submit()))')
    const seen = await onLaptop<unknown>(
      'bob',
      `
from aiohttp import ClientResponseError
def status(call):
    try:
        call()
    except ClientResponseError as error:
        return error.status
nobody = Gateway(address, auth=BasicAuth(password="0123456789abcdef"))
print(json.dumps([
    status(lambda: nobody.list_clusters()),
    status(lambda: gateway.get_cluster("${name}")),
    status(lambda: gateway.stop_cluster("${name}")),
    status(lambda: gateway.scale_cluster("${name}", 1)),
    len(gateway.list_clusters()),
]))`,
    )
    assert.deepEqual(seen, [401, 403, 403, 403, 0])
    await onLaptop('alice', `gateway.stop_cluster("${name}"); print("null")`)
  })

  test('shows its dashboard to its owner’s browser and to nobody else’s', async () => {
    const name = await inNotebook<string>('cluster = gateway.new_cluster()\nprint(json.dumps(cluster.name))')
    const path = `/gateway/clusters/${name}/status`
    const page = await alice.open(path)
    assert.equal(page.status, 200, page.text)
    assert.match(page.text, /bokeh/i)
    const bob = await signIn(platform, 'bob')
    assert.equal((await bob.open(path)).status, 403)
    const stranger = await fetch(new URL(path, platform.url), { redirect: 'manual' })
    assert.notEqual(stranger.status, 200)
    const socketPath = `/gateway/clusters/${name}/status/ws`
    await assert.rejects(openSocket(bob, platform.url, socketPath))
    await inNotebook('cluster.shutdown()\nprint("null")')
  })

  test('is what dask-labextension makes clusters by, whose panel finds their dashboards', async () => {
    const made = await alice.call('/user/alice/dask/clusters', { method: 'PUT', body: '{}' })
    assert.equal(made.status, 200, made.text)
    const model = JSON.parse(made.text) as { id: string; name: string; dashboard_link: string }
    assert.equal(model.name, 'GatewayCluster 1')
    const one = `/user/alice/dask/clusters/${model.id}`
    const scaled = await alice.call(one, { method: 'PATCH', body: '{"workers": 1}' })
    assert.equal(scaled.status, 200, scaled.text)
    await waitFor(
      'the worker in the panel',
      async () => (JSON.parse((await alice.call(one)).text) as { workers: number }).workers === 1,
      { deadlineMs: 60_000 },
    )
    // As the panel's script reads it: the server's own path stands in it, and it leads to the plots.
    assert.ok(model.dashboard_link.includes('/user/alice/proxy'), model.dashboard_link)
    const plots = new URL('individual-plots.json', model.dashboard_link)
    assert.match(plots.pathname, /^\/gateway\/clusters\/[0-9a-f]{32}\/individual-plots\.json$/)
    const found = await alice.open(plots.pathname)
    assert.equal(found.status, 200, found.text)
    assert.ok('Individual Task Stream' in JSON.parse(found.text))
    const settings = await alice.call('/user/alice/lab/api/settings/dask-labextension:plugin')
    assert.match(settings.text, /"browserDashboardCheck":\s*\{[^}]*"default":\s*true/)
    const ended = await alice.call(one, { method: 'DELETE' })
    assert.equal(ended.status, 204, ended.text)
  })

  test('is looked after by the command line', async () => {
    const name = await onLaptop<string>(
      'alice',
      'print(json.dumps(gateway.new_cluster(shutdown_on_close=False).name))',
    )
    const atrium = async (...args: string[]) => {
      const { code, stdout, stderr } = await runCli(['clusters', ...args, '--data', platform.data])
      return { code, output: stdout + stderr }
    }
    const list = await atrium('list', '--user', 'alice', '--json')
    assert.deepEqual(
      (JSON.parse(list.output) as ClusterDetail[])
        // Those of the tests before may still be on their way out.
        .filter(({ state }) => state !== 'stopping')
        .map(({ name: one, state }) => [one, state]),
      [[name, 'running']],
    )
    assert.match((await atrium('list')).output, new RegExp(`${name} +alice +running +0/0 `))
    const short = name.slice(0, 8)
    assert.match((await atrium('scale', short, '99')).output, /Scaling to 3 instead/)
    assert.match((await atrium('scale', short, '0-1')).output, /^Scaling /)
    assert.match((await atrium('show', short)).output, /adapts +0 to 1 workers/)
    assert.match((await atrium('logs', short)).output, /Scheduler at: +tls:/)
    assert.equal((await atrium('scale', short, 'many')).code, 2)
    assert.match((await atrium('show', 'zzz')).output, /There is no cluster zzz/)
    assert.match((await atrium('stop', short)).output, /^Stopping /)
    await waitFor('the end', async () => (await show(name)).state === 'stopped', { deadlineMs: 60_000 })
    assert.match((await atrium('list', '--all')).output, new RegExp(`${name} +alice +stopped`))
  })
})
