import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import type { RunView } from '@atrium/contract/runs-api.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { type Platform, startPlatform } from '../support/platform.ts'
import { type NotebookKernel, startKernel } from './notebook-kernel.ts'
import { createPerson, signIn, startServer } from './people.ts'

const patient = { deadlineMs: 90_000, everyMs: 100 }

describe('ipyparallel engines from a notebook', () => {
  let platform: Platform
  let kernel: NotebookKernel

  before(async () => {
    platform = await startPlatform()
    await createPerson(platform, 'alice')
    await startServer(platform, 'alice')
    const alice = await signIn(platform, 'alice')
    assert.equal((await alice.open('/user/alice/lab')).status, 200)
    kernel = await startKernel(alice, platform.url, 'alice')
  })
  after(async () => {
    kernel?.close()
    await platform?.dispose()
  })

  async function listRuns(state: 'active' | 'all' = 'active'): Promise<RunView[]> {
    return (await platform.api<{ runs: RunView[] }>('GET', `/api/v1/runs?user=alice&state=${state}`)).body
      .runs
  }

  test('are jobs, and %%px runs on them', async () => {
    await kernel.run(`
import ipyparallel as ipp
cluster = ipp.Cluster(engines="atrium", n=2)
rc = await cluster.start_and_connect(activate=True)`)
    const [run] = await listRuns()
    assert.deepEqual([run?.kind, run?.array, run?.jobs.total], ['engine', '0-1', 2])
    const cell = '%%px\nimport os\nprint("here", os.environ["ATRIUM_ARRAY_INDEX"])'
    const printed = await kernel.run(cell)
    assert.match(printed, /\[stdout:\d\] here 0/)
    assert.match(printed, /\[stdout:\d\] here 1/)
    assert.equal(await kernel.run('print(sum(rc[:].map_sync(lambda x: x * x, range(100))))'), '328350\n')
  })

  test('keep what connects them to their owner, and encrypt what they say', async () => {
    const security = join(platform.data, 'homes', 'alice', '.ipython', 'profile_default', 'security')
    assert.equal(statSync(security).mode & 0o777, 0o700)
    const files = readdirSync(security).filter((name) => name.startsWith('ipcontroller-'))
    assert.ok(files.length >= 2, files.join())
    for (const name of files) {
      assert.equal(statSync(join(security, name)).mode & 0o777, 0o600, name)
      const info = JSON.parse(readFileSync(join(security, name), 'utf8'))
      assert.ok(info.curve_serverkey, 'CurveZMQ')
      assert.equal(info.location, '127.0.0.1', 'nobody else has to reach it')
      const written = JSON.stringify((await platform.api('GET', '/api/v1/runs?state=all')).body)
      for (const pid of readdirSync('/proc').filter((each) => /^\d+$/.test(each))) {
        const command = readText(`/proc/${pid}/cmdline`)
        assert.ok(!command.includes(info.curve_serverkey), command)
      }
      assert.ok(!written.includes(info.curve_serverkey))
    }
  })

  test('can be interrupted, and go on', async () => {
    await kernel.run('import asyncio, time\nslow = rc[:].apply_async(time.sleep, 1000)')
    await waitFor(
      'the interruption',
      async () => {
        await kernel.run('import signal\nawait cluster.signal_engines(signal.SIGINT)')
        return (await kernel.run('print(slow.wait(1))')) === 'True\n'
      },
      patient,
    )
    assert.match(await kernel.run('print([type(e).__name__ for e in [slow.exception(0)]])'), /Error/)
    assert.equal(await kernel.run('print(rc[:].apply_sync(lambda: 1 + 1))'), '[2, 2]\n')
  })

  test('are found again by another program, with what they printed', async () => {
    const code = `
other = ipp.Cluster.from_file(cluster.cluster_file)
print(other.engine_set.run == cluster.engine_set.run, other.engine_set.n, other.engine_set.running)
client = await other.connect_client()
print(len(client.ids))
client.close()
print("Completed registration" in other.engine_set.get_output())`
    assert.equal(await kernel.run(code), 'True 2 True\n2\nTrue\n')
  })

  test('can be started anew', async () => {
    const [before] = await listRuns()
    await kernel.run(`
rc[:]["old"] = 1
await cluster.restart_engines()
while len(rc.ids) != 2 or rc.ids[0] < 2: await asyncio.sleep(0.1)`)
    const [now] = await listRuns()
    assert.notEqual(now?.id, before?.id)
    assert.equal(await kernel.run('print(rc[:].apply_sync(lambda: "old" in globals()))'), '[False, False]\n')
  })

  test('are missed when one is lost, and when all are', async () => {
    await kernel.run(`
import logging
said = []
class Keep(logging.Handler):
    def emit(self, record): said.append(record.getMessage())
cluster.log.addHandler(Keep())
`)
    await kernel.run('import os\nfirst = rc[rc.ids[0]].apply_async(lambda: __import__("os")._exit(3))')
    await waitFor('the loss to be said', () => said(/1 of 2 engines of run \d+ are lost/), patient)
    assert.equal(await kernel.run('print(cluster.engine_set.state)'), 'running\n')
    const [run] = await listRuns()
    await platform.api('DELETE', `/api/v1/runs/${run?.id}`)
    await waitFor('the end to be said', () => said(/engine set stopped/), patient)
    assert.equal(await kernel.run('print(cluster.engine_set.state)'), 'after\n')
  })

  test('go on asking a controller that does not answer at once, as when a network opens late for a new pod', async () => {
    // Longer than ipyparallel's own engines wait, which is five seconds.
    await kernel.run(`
import asyncio, os, signal
others = set(rc.ids)
os.kill(cluster.controller.pid, signal.SIGSTOP)
try:
    late_id = await cluster.start_engines(1)
    late = cluster.engines[late_id]
    while "Registering with" not in late.get_output(): await asyncio.sleep(0.1)
    await asyncio.sleep(7)
    early = set(rc.ids) - others
finally: os.kill(cluster.controller.pid, signal.SIGCONT)
while late.state != "after" and not set(rc.ids) - others: await asyncio.sleep(0.1)`)
    const found = 'print(len(early), len(set(rc.ids) - others), late.state)'
    assert.equal(await kernel.run(found), '0 1 running\n')
    await kernel.run('await cluster.stop_engines(late_id)')
    await untilNoneIsActive()
  })

  test('end with their cluster, and nothing is left', async () => {
    await kernel.run('await cluster.start_engines(1)')
    await waitFor('it to run', async () => (await listRuns())[0]?.state === 'running', patient)
    await kernel.run('await cluster.stop_cluster()')
    await untilNoneIsActive()
    assert.equal(await kernel.run('print(os.path.exists(cluster.cluster_file))'), 'False\n')
  })

  test('of a script end when the script does', async () => {
    const script = `
import ipyparallel as ipp
rc = ipp.Cluster(engines="atrium", n=1).start_and_connect_sync()
print(rc[:].apply_sync(lambda: 42))`
    const code = `
import subprocess, sys
done = subprocess.run([sys.executable, "-c", ${JSON.stringify(script)}], capture_output=True, text=True)
print(done.stdout, done.returncode)`
    assert.match(await kernel.run(code), /\[42\]\n 0/)
    await untilNoneIsActive()
  })

  test('that cannot be had are refused with the reason', async () => {
    const code = `
try: await ipp.Cluster(engines="atrium").start_engines(1, job_profile="none-such")
except Exception as error: print(type(error).__name__, error)`
    assert.match(await kernel.run(code), /ApiError .*none-such/)
  })

  /** A run is written down as ended a moment after its last job has ended. */
  const untilNoneIsActive = () =>
    waitFor('no active run', async () => (await listRuns()).length === 0, patient)

  const said = async (pattern: RegExp) => pattern.test(await kernel.run('print("\\n".join(said))'))
})

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
