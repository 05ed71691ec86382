import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { waitFor } from '@atrium/server/platform/wait-for.ts'
import type { JobHandle, JobSpec, Observation } from '@atrium/server/scheduler/job.ts'

import type { SlurmCluster } from './cluster.ts'
import { createDriverSite, type DriverSite, nodePython } from './driver-site.ts'
import { openSharedSlurmCluster, slurmSkipReason } from './shared-cluster.ts'

const secret = `secret-${randomBytes(8).toString('hex')}`

describe('a job of several tasks on a Slurm cluster', { skip: slurmSkipReason }, () => {
  let cluster: SlurmCluster
  let site: DriverSite

  before(async () => {
    cluster = openSharedSlurmCluster()
    site = await createDriverSite(cluster, { mpi: { other: 'pmi2' } })
  })
  after(() => site?.dispose())

  async function submit(script: string, more: Partial<JobSpec>): Promise<JobHandle> {
    const spec: JobSpec = {
      key: `engine-${randomBytes(8).toString('hex')}-1`,
      kind: 'engine',
      owner: site.owner,
      command: [nodePython, '-c', script],
      environment: { PATH: '/usr/bin:/bin', TOKEN: secret },
      workingDirectory: site.workingDirectory,
      resources: { cpu: 1, memoryBytes: 100 * 2 ** 20 },
      tasks: 1,
      ports: [],
      labels: {},
      ...more,
    }
    const [answer] = await site.scheduler.submit([spec], { signal: AbortSignal.timeout(20_000) })
    assert.equal(answer?.outcome, 'accepted', JSON.stringify(answer))
    return answer.handle
  }

  async function observe(handle: JobHandle): Promise<Observation> {
    const seen = await site.scheduler.observe([handle], { signal: AbortSignal.timeout(20_000) })
    return seen.get(handle.key) ?? { state: 'absent' }
  }

  async function untilEnded(handle: JobHandle): Promise<Extract<Observation, { state: 'ended' }>> {
    return await waitFor(
      'the job to end',
      async () => {
        const seen = await observe(handle)
        return seen.state === 'ended' ? seen : undefined
      },
      { deadlineMs: 60_000 },
    )
  }

  async function output(handle: JobHandle): Promise<string> {
    const chunks: Uint8Array[] = []
    for await (const chunk of site.scheduler.logs(handle, { signal: AbortSignal.timeout(20_000) }))
      chunks.push(chunk)
    return Buffer.concat(chunks).toString()
  }

  test('has the cores and the memory of each, wherever they are', async () => {
    const resources = { cpu: 1, memoryBytes: 150 * 2 ** 20 }
    const script = 'import time; time.sleep(0.5)'
    const {
      exit,
      allocated,
      startedAtMs = 0,
      endedAtMs = 0,
    } = await untilEnded(await submit(script, { tasks: 3, nodes: 2, resources }))
    assert.equal(exit.state, 'succeeded', exit.message)
    const seconds = (endedAtMs - startedAtMs) / 1000
    assert.equal(allocated?.coreSeconds, 3 * seconds)
    assert.equal(allocated?.memoryByteSeconds, 3 * resources.memoryBytes * seconds)
  })

  test('runs them on its nodes, each with what it was given and the rights of any job', async () => {
    const script = `import json, os, socket, sys
status = dict(line.split(':\\t', 1) for line in open('/proc/self/status') if ':\\t' in line)
keys = ('ATRIUM_TASK_INDEX', 'ATRIUM_TASKS', 'TOKEN', 'PATH', 'HOME')
print(json.dumps([socket.gethostname(), os.getuid(), status['NoNewPrivs'].strip(), os.getcwd(), sys.stdin.read(),
  oct(os.umask(0)), *[os.environ.get(key) for key in keys]]))`
    const handle = await submit(script, { tasks: 3, nodes: 2 })
    const { exit } = await untilEnded(handle)
    const text = await output(handle)
    assert.equal(exit.state, 'succeeded', text)
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown[])
    assert.deepEqual(
      lines.map(([, ...rest]) => rest).sort((a, b) => Number(a[5]) - Number(b[5])),
      ['0', '1', '2'].map((index) => [
        ...[site.owner.uid, '1', site.workingDirectory, '', '0o77'],
        ...[index, '3', secret, '/usr/bin:/bin', null],
      ]),
    )
    assert.equal(new Set(lines.map(([node]) => node)).size, 2)
  })

  test('ends all of them with the first that fails, and its output says which that was', async () => {
    const script = `import os, sys, time
print('started', flush=True)
if os.environ['ATRIUM_TASK_INDEX'] == '1':
    time.sleep(1)
    sys.exit(7)
time.sleep(1000)`
    const handle = await submit(script, { tasks: 2 })
    const { exit } = await untilEnded(handle)
    // srun's status is the highest of all, those that it ended included.
    assert.equal(exit.state, 'failed')
    assert.match(await output(handle), /task 1: Exited with exit code 7/)
  })

  test('lets them find each other as MPI does, over what Slurm gives each', async () => {
    // PMI-2's first words: https://wiki.mpich.org/mpich/index.php/PMI_v2_Wire_Protocol
    const script = `import os
fd = int(os.environ['PMI_FD'])
def ask(words):
    os.write(fd, b'%6d' % len(words) + words)
    size, text = int(os.read(fd, 6)), b''
    while len(text) < size: text += os.read(fd, size - len(text))
    return text.decode()
os.write(fd, b'cmd=init pmi_version=2 pmi_subversion=0\\n')
os.read(fd, 4096)
rank = os.environ['PMI_RANK']
answer = ask(f"cmd=fullinit;pmijobid={os.environ['PMI_JOBID']};pmirank={rank};threaded=FALSE;".encode())
open(f'pmi-{rank}', 'w').write(answer)
ask(b'cmd=finalize;')`
    const handle = await submit(script, { tasks: 3, nodes: 2 })
    const { exit } = await untilEnded(handle)
    assert.equal(exit.state, 'succeeded', await output(handle))
    // Not by their output: srun of Slurm 22.05 loses some of what is printed just before the last word of PMI.
    for (const rank of [0, 1, 2]) {
      const answer = readFileSync(join(site.workingDirectory, `pmi-${rank}`), 'utf8')
      assert.match(answer, new RegExp(`^cmd=fullinit-response;rc=0;.*;rank=${rank};size=3;`))
    }
  })

  test('asks all of them to end', async () => {
    const script = `import signal, sys, time
def end(*_):
    print('bye', flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print('waiting', flush=True)
time.sleep(1000)`
    const handle = await submit(script, { tasks: 2 })
    const count = (text: string, word: string) => text.split('\n').filter((line) => line === word).length
    await waitFor('both to wait', async () => count(await output(handle), 'waiting') === 2, {
      deadlineMs: 60_000,
    })
    await site.scheduler.cancel([handle], { graceMs: 10_000, signal: AbortSignal.timeout(20_000) })
    const { exit } = await untilEnded(handle)
    assert.equal(exit.state, 'cancelled')
    assert.equal(count(await output(handle), 'bye'), 2)
  })

  test('says why a program could not be started', async () => {
    const handle = await submit('', { tasks: 2, command: ['/no/such/program'] })
    const { exit } = await untilEnded(handle)
    assert.equal(exit.state, 'failed')
    // srun's status is the highest: that of a task it ended before that one could fail, too.
    assert.ok([127, 143].includes(exit.exitCode ?? 0), JSON.stringify(exit))
    assert.match(await output(handle), /atrium: cannot run \/no\/such\/program/)
  })

  test('shows their secrets to nobody else', async () => {
    const handle = await submit("print('waiting', flush=True)\nimport time\ntime.sleep(1000)", { tasks: 2 })
    await waitFor('the tasks', async () => (await output(handle)).includes('waiting'), { deadlineMs: 60_000 })
    const seen = await cluster.as('bob', 'sh', [
      '-c',
      'ps axwwe; scontrol -dd show job; scontrol -dd show step; cat /proc/[0-9]*/environ 2>/dev/null',
    ])
    assert.match(seen.stdout, /slurm_task/)
    assert.ok(!seen.stdout.includes(secret))
    await site.scheduler.cancel([handle], { graceMs: 0, signal: AbortSignal.timeout(20_000) })
    await untilEnded(handle)
  })
})
