import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import type { RunDetail, RunView } from '@atrium/contract/runs-api.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { type NotebookKernel, startKernel } from '../real-parts/notebook-kernel.ts'
import { createPerson, signIn, startServer } from '../real-parts/people.ts'
import { getUnixAccount } from './accounts.ts'
import type { SlurmCluster } from './cluster.ts'
import { type PlatformSite, startPlatformSite } from './platform-site.ts'
import { openSharedSlurmCluster, slurmSkipReason } from './shared-cluster.ts'

const config = {
  profiles: [
    { name: 'small', cpu: 1, memory: '600M', default: true },
    { name: 'whole', cpu: 1, memory: '500M', exclusive: true },
  ],
  servers: { idle: { stop: false } },
}

describe('ipyparallel engines on a Slurm cluster', { skip: slurmSkipReason }, () => {
  let cluster: SlurmCluster
  let site: PlatformSite
  let kernel: NotebookKernel

  before(async () => {
    cluster = openSharedSlurmCluster()
    site = await startPlatformSite(cluster, config)
    await createPerson(site.platform, 'alice')
    await startServer(site.platform, 'alice')
    const alice = await signIn(site.platform, 'alice')
    assert.equal((await alice.open('/user/alice/lab')).status, 200)
    kernel = await startKernel(alice, site.platform.url, 'alice')
  })
  after(async () => {
    kernel?.close()
    await site?.dispose()
  })

  async function listEngines(): Promise<RunDetail['jobList']> {
    const { body } = await site.platform.api<{ runs: RunView[] }>(
      'GET',
      '/api/v1/runs?user=alice&state=active',
    )
    const details = body.runs.map(({ id }) => site.platform.api<RunDetail>('GET', `/api/v1/runs/${id}`))
    return (await Promise.all(details)).flatMap((answer) => answer.body.jobList)
  }

  test('are on two hosts, and %%px runs on both', async () => {
    await kernel.run(`
import ipyparallel as ipp, asyncio, os, socket
cluster = ipp.Cluster(engines="atrium", n=2, engine_timeout=120)
await cluster.start_controller()
await cluster.start_engines(2, job_profile="whole")
rc = await cluster.connect_client()
await asyncio.wrap_future(rc.wait_for_engines(2, block=False, timeout=120))
view = rc[:]
view.block = True
view.activate()`)
    const printed = await kernel.run('%%px\nimport socket\nprint("on", socket.gethostname())')
    const hosts = new Set([...printed.matchAll(/on (\S+)/g)].map(([, host]) => host))
    assert.equal(hosts.size, 2, printed)
    assert.ok([...hosts].every((host) => cluster.nodes.some(({ name }) => name === host)))
    assert.deepEqual(new Set((await listEngines()).map(({ node }) => node)), hosts)
  })

  test('are reached at an address of the node, encrypted, by what nobody else can read', async () => {
    const found = await kernel.run(`
import glob, json
files = glob.glob(os.path.join(cluster.profile_dir, "security", "ipcontroller-*.json"))
print(json.dumps([[json.load(open(file)), oct(os.stat(file).st_mode & 0o777)] for file in files]))`)
    for (const [info, mode] of JSON.parse(found) as [
      { curve_serverkey: string; location: string },
      string,
    ][]) {
      assert.equal(mode, '0o600')
      assert.match(info.location, /^10\./)
      const seen = await cluster.as('bob', 'sh', [
        '-c',
        'cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null',
      ])
      assert.ok(info.curve_serverkey && !seen.stdout.includes(info.curve_serverkey))
      const queue = await cluster.as('bob', 'squeue', ['-h', '-a', '-O', 'All'])
      assert.ok(!queue.stdout.includes(info.curve_serverkey))
      assert.ok(findKeyOfEngines(info.curve_serverkey), 'the search finds what is there')
    }
  })

  test('are missed when their node kills one, and are gone with their cluster', async () => {
    await kernel.run('first = rc[rc.ids[0]].apply_async(lambda: __import__("os")._exit(3))')
    await waitFor('the loss', async () => (await kernel.run('print(len(rc.ids))')) === '1\n', {
      deadlineMs: 90_000,
      everyMs: 500,
    })
    await kernel.run('await cluster.stop_cluster()')
    await waitFor('the jobs to leave', async () => (await listEngines()).length === 0, {
      deadlineMs: 60_000,
    })
  })

  /** As root, who sees all: engines have it among their variables. */
  function findKeyOfEngines(key: string): boolean {
    const { uid } = getUnixAccount('alice')
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .some((pid) => isOf(pid, uid) && readText(join('/proc', pid, 'environ')).includes(key))
  }
})

function isOf(pid: string, uid: number): boolean {
  return new RegExp(`^Uid:\\t${uid}\\t`, 'm').test(readText(join('/proc', pid, 'status')))
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
