import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'

import { waitFor } from '@atrium/server/platform/wait-for.ts'

import type { HttpBrowser } from '../real-parts/http-browser.ts'
import { executeCode, openSocket } from '../real-parts/jupyter-socket.ts'
import { createPerson, signIn, startServer } from '../real-parts/people.ts'
import type { Daemon } from '../support/cluster/daemon.ts'
import type { SlurmCluster } from './cluster.ts'
import { type PlatformSite, startPlatformSite } from './platform-site.ts'
import { openSharedSlurmCluster, slurmSkipReason } from './shared-cluster.ts'
import { openWarmDoor } from './warm-doors.ts'

const nodes = ['n1', 'n2', 'n3']
const memoryMiB = 600
/** Its name as the kernel keeps it, 15 bytes. */
const serverName = 'jupyterhub-sing'

describe('a notebook from a warm interpreter of a Slurm node', { skip: slurmSkipReason }, () => {
  let cluster: SlurmCluster
  let site: PlatformSite
  let alice: HttpBrowser
  let doors: readonly Daemon[] = []

  before(async () => {
    cluster = openSharedSlurmCluster()
    const prefix = process.env['ATRIUM_TEST_ENVIRONMENT']
    assert.ok(prefix, 'ATRIUM_TEST_ENVIRONMENT is not set')
    doors = nodes.map((node) => openWarmDoor(cluster, node, { prefix, sets: ['notebook'] }))
    await Promise.all(doors.map((door) => door.start()))
    site = await startPlatformSite(cluster, {
      profiles: [{ name: 'small', cpu: 1, memory: `${memoryMiB}M`, default: true }],
    })
    await createPerson(site.platform, 'alice')
    alice = await signIn(site.platform, 'alice')
    await startServer(site.platform, 'alice')
  })
  after(async () => {
    await site?.dispose()
    await Promise.all(doors.map((door) => door.stop()))
  })

  /** Process ids of servers, and of their parents, with the parents' command lines. */
  async function listServers(): Promise<string> {
    const script = `for pid in $(pgrep --exact ${serverName}); do
      parent=$(cut -d' ' -f4 /proc/$pid/stat); echo "$pid $(tr '\\0' ' ' </proc/$parent/cmdline)"; done`
    const listed = await Promise.all(nodes.map((node) => cluster.node(node).run('sh', ['-c', script])))
    return listed
      .map(({ stdout }) => stdout)
      .join('')
      .trim()
  }

  test('is one, and not a process that loaded everything by itself', async () => {
    assert.match(await listServers(), /^\d+ .*warm_door[^\n]*$/)
  })

  test('computes as its owner, with the profile’s memory, in the job that Slurm knows', async () => {
    assert.equal((await alice.open('/user/alice/lab')).status, 200)
    const started = await alice.call('/user/alice/api/kernels', {
      method: 'POST',
      body: '{"name":"python3"}',
    })
    assert.equal(started.status, 201, started.text)
    const { id } = JSON.parse(started.text) as { id: string }
    const kernel = await openSocket(alice, site.platform.url, `/user/alice/api/kernels/${id}/channels`)
    const code = `import getpass, os
print(getpass.getuser(), os.environ['SLURM_JOB_ID'], [line for line in open('/proc/self/cgroup') if 'memory' in line][0])`
    const output = await executeCode(kernel, code)
    const jobs = await cluster.as('alice', 'squeue', ['--me', '--noheader', '--format', '%i'])
    assert.match(output, new RegExp(`alice ${jobs.stdout.trim()} .*/job_${jobs.stdout.trim()}/`))
  })

  test('is gone, with its Slurm job, when it is stopped', async () => {
    const stopped = await alice.call('/hub/api/users/alice/server', { method: 'DELETE' })
    assert.ok([202, 204].includes(stopped.status), stopped.text)
    await waitFor('the server to end', async () => (await listServers()) === '', { deadlineMs: 60_000 })
    await waitFor(
      'Slurm to say so',
      async () =>
        (await cluster.as('alice', 'squeue', ['--me', '--noheader', '--states=R'])).stdout.trim() === '',
      { deadlineMs: 60_000 },
    )
  })
})
