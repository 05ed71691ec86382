import assert from 'node:assert/strict'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import type { ServerDetails } from '@atrium/contract/servers.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'

import type { HttpBrowser } from '../real-parts/http-browser.ts'
import { executeCode, openKernel, sendCode } from '../real-parts/jupyter-socket.ts'
import { createPerson, signIn, startServer } from '../real-parts/people.ts'
import { type PlatformSite, startPlatformSite } from './platform-site.ts'
import { kubernetesSkipReason, openSharedKubernetesCluster } from './shared-cluster.ts'

const memoryMiB = 600
/** The first that the platform gives out. */
const uid = 20_000
const config = {
  profiles: [{ name: 'small', cpu: 1, memory: `${memoryMiB}M`, default: true }],
  servers: { idle: { stop: false } },
}

describe('a notebook on a Kubernetes cluster', { skip: kubernetesSkipReason }, () => {
  let site: PlatformSite
  let alice: HttpBrowser

  before(async () => {
    site = await startPlatformSite(openSharedKubernetesCluster(), config)
    await createPerson(site.platform, 'alice')
    alice = await signIn(site.platform, 'alice')
    await startServer(site.platform, 'alice')
  })
  after(() => site?.dispose())

  const openAlicesKernel = () => openKernel(alice, site.platform.url, 'alice')

  async function runCell(code: string): Promise<string> {
    const kernel = await openAlicesKernel()
    const printed = await executeCode(kernel, code)
    kernel.close()
    return printed
  }

  const findServer = async () =>
    (await site.platform.api<ServerDetails>('GET', '/api/v1/servers/alice/-')).body
  const listPods = async () => (await site.kubectl('get', 'pods', '--output=name')).trim()

  test('runs as its owner in a pod of its own, and is used through the edge', async () => {
    const lab = await alice.open('/user/alice/lab')
    assert.equal(lab.status, 200, lab.text)
    assert.match(lab.text, /jupyter-config-data/)
    const printed = await runCell('import os, socket; print(socket.gethostname(), os.getuid(), os.getcwd())')
    const { jobKey, node } = await findServer()
    assert.equal(printed, `atrium-${jobKey}-1 ${uid} /home/alice\n`)
    assert.equal(node, 'node1')
    assert.equal(await listPods(), `pod/atrium-${jobKey}-1`)
  })

  test('has a name in its pod, as in a terminal on any machine', async () => {
    const code = `
import grp, os, pwd
me = pwd.getpwuid(os.getuid())
print(me.pw_name, me.pw_dir, me.pw_shell, grp.getgrgid(os.getgid()).gr_name, pwd.getpwuid(0).pw_name)`
    assert.equal(await runCell(code), 'alice /home/alice /bin/sh alice root\n')
  })

  test('has the platform’s client, and its command line', async () => {
    const code = [
      'import atrium_client, importlib.metadata, os, subprocess',
      'help = subprocess.run(["atrium", "--help"], capture_output=True, text=True).stdout',
      'print(importlib.metadata.version("atrium-client"), os.environ["SHELL"], help.split()[0])',
    ]
    assert.equal(await runCell(code.join('\n')), '0.1.0 /bin/sh usage:\n')
  })

  test('writes to its home, to /tmp and nowhere else', async () => {
    const code = `
import os
for path in ["/home/alice", "/tmp", "/var/tmp", "/dev/shm", "/etc", "/opt", "/home", os.environ["CONDA_PREFIX"] if "CONDA_PREFIX" in os.environ else "/var/cache"]:
    try:
        open(path + "/probe", "w").close()
        print(path)
    except OSError: pass
`
    assert.equal(await runCell(code), '/home/alice\n/tmp\n/var/tmp\n/dev/shm\n')
    const { mode, uid: owner } = statSync(join(site.root, 'homes', 'alice'))
    assert.deepEqual([mode & 0o777, owner], [0o700, uid])
  })

  test('has its output shown by the platform', async () => {
    const answer = await fetch(new URL('/api/v1/servers/alice/-/log', site.platform.url), {
      headers: { authorization: `Bearer ${await site.platform.adminToken()}` },
    })
    assert.match(await answer.text(), /Jupyter Server .* is running at/)
  })

  test('shows none of its secrets in what others may read', async () => {
    const token = (await runCell('import os; print(os.environ["JUPYTERHUB_API_TOKEN"])')).trim()
    assert.match(token, /^\S{20,}$/)
    const kinds = 'pods,events,configmaps,serviceaccounts'
    const seen = await site.kubectl('get', kinds, '--output=yaml')
    assert.match(seen, /atrium\.dev\/owner: n-alice/)
    assert.ok(!seen.includes(token))
  })

  test('keeps what a cell takes within its limit, and says why the kernel is gone', async () => {
    const kernel = await openAlicesKernel()
    sendCode(kernel, `x = bytearray(${memoryMiB + 200} * 2**20)`)
    await kernel.find((text) => /"execution_state": ?"(autorestarting|restarting|dead)"/.test(text))
    await waitFor(
      'the server to say that memory was short',
      async () => (await findServer()).usage?.oomKills,
      { deadlineMs: 60_000 },
    )
    kernel.close()
    assert.equal((await findServer()).state, 'running')
    assert.equal(await runCell('print(6 * 7)'), '42\n')
  })

  test('outlives the control plane, which finds it again', async () => {
    const before = await listPods()
    const kernel = await openAlicesKernel()
    await executeCode(kernel, 'kept = 42; print()')
    await site.platform.kill()
    assert.equal(await executeCode(kernel, 'print(kept)'), '42\n')
    await site.platform.startAgain()
    await waitFor('the server to be known', async () => (await findServer()).state === 'running', {
      deadlineMs: 60_000,
    })
    assert.equal(await executeCode(kernel, 'print(kept + 1)'), '43\n')
    kernel.close()
    assert.equal((await alice.open('/user/alice/lab')).status, 200)
    assert.equal(await listPods(), before)
  })

  test('finds its home as it was after a stop', async () => {
    const file = join(site.root, 'homes', 'alice', 'kept.txt')
    await runCell('print(open("kept.txt", "w").write("kept"))')
    assert.equal(readFileSync(file, 'utf8'), 'kept')
    const stopped = await site.platform.api('DELETE', '/hub/api/users/alice/server')
    assert.ok([202, 204].includes(stopped.status), JSON.stringify(stopped))
    await waitFor('the end', async () => (await findServer()).state === 'stopped', { deadlineMs: 60_000 })
    assert.equal(
      await site.kubectl('get', 'pods', '--field-selector=status.phase=Running', '--output=name'),
      '',
    )
    writeFileSync(file, 'kept and changed')
    await startServer(site.platform, 'alice')
    assert.equal((await alice.open('/user/alice/lab')).status, 200)
    assert.equal(await runCell('print(open("kept.txt").read())'), 'kept and changed\n')
  })
})
