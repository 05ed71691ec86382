import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'

import type { Daemon } from '../support/cluster/daemon.ts'
import type { SlurmCluster } from './cluster.ts'
import { type DaskSite, startDaskSite } from './dask-site.ts'
import { openSharedSlurmCluster, slurmSkipReason } from './shared-cluster.ts'
import { openWarmDoor } from './warm-doors.ts'

const nodes = ['n1', 'n2', 'n3']

/** What a process of Dask is: whether it has replaced the interpreter that it was forked from, whose child it is, and whose job. */
interface Seen {
  command: string[]
  parent: string
  job: string
  group: string
}

describe('Dask from warm interpreters of Slurm nodes', { skip: slurmSkipReason }, () => {
  let cluster: SlurmCluster
  let dask: DaskSite
  let doors: readonly Daemon[] = []

  before(async () => {
    cluster = openSharedSlurmCluster()
    const prefix = process.env['ATRIUM_TEST_ENVIRONMENT']
    assert.ok(prefix, 'ATRIUM_TEST_ENVIRONMENT is not set')
    doors = nodes.map((node) => openWarmDoor(cluster, node, { prefix, sets: ['dask'] }))
    await Promise.all(doors.map((door) => door.start()))
    dask = await startDaskSite(cluster)
  })
  after(async () => {
    await dask?.dispose()
    await Promise.all(doors.map((door) => door.stop()))
  })

  test('the first scheduler and the first workers are forked from what their node has loaded, each in its own job', async () => {
    const seen = await dask.kernel.run<Seen[]>(`
import os
from dask_gateway import Gateway
gateway = Gateway()
cluster = gateway.new_cluster()
client = cluster.get_client()
cluster.scale(3)
client.wait_for_workers(3, timeout=120)
def look():
    read = lambda path: open(path).read()
    return {"command": read("/proc/self/cmdline").split("\\0"), "parent": read(f"/proc/{os.getppid()}/cmdline").replace("\\0", " "),
            "job": os.environ["SLURM_JOB_ID"], "group": [line for line in read("/proc/self/cgroup").split("\\n") if ":memory:" in line][0]}
answer([client.run_on_scheduler(look), *client.run(look).values()])`)
    assert.equal(seen.length, 4)
    for (const { command, parent, job, group } of seen) {
      assert.equal(command[1], '-c', command.join(' '))
      assert.match(parent, /warm_door/)
      assert.match(group, new RegExp(`/job_${job}/`))
    }
    assert.equal(new Set(seen.map(({ job }) => job)).size, 4)
  })

  test('its end is the end of all of them', async () => {
    await dask.kernel.run('cluster.shutdown(); answer(None)')
    await dask.untilJobs('no job of Dask', (jobs) => jobs.length === 0)
    for (const node of nodes) {
      const left = await cluster.node(node).run('pgrep', ['--uid', 'alice', '--full', 'dask'])
      assert.equal(left.stdout, '')
    }
  })
})
