import assert from 'node:assert/strict'
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { waitFor } from '@atrium/server/platform/wait-for.ts'
import type { JobHandle, JobSpec } from '@atrium/server/scheduler/job.ts'

import { ensureMpiEnvironment, mpiSkipReason } from '../support/mpi-environment.ts'
import type { KubernetesCluster } from './cluster.ts'
import { type DriverJobs, openDriverJobs } from './driver-jobs.ts'
import { createDriverSite, type DriverSite, ensureNamespace, namespace } from './driver-site.ts'
import { kubernetesSkipReason, openSharedKubernetesCluster } from './shared-cluster.ts'

const parts = join(import.meta.dirname, '..', 'support', 'mpi')
const environments = '/var/cache/atrium-tests'
const mebibyte = 2 ** 20
const signal = AbortSignal.timeout(1_200_000)

/** Waits for the wish that it end, and says so. */
const waiting = `import signal, sys, time
from mpi4py import MPI
def end(*_):
    sys.stdout.write('bye\\n')
    sys.stdout.flush()
    MPI.Finalize()
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
sys.stdout.write('ready\\n')
sys.stdout.flush()
while True: time.sleep(0.1)`

describe('jobs of several tasks on Kubernetes', { skip: kubernetesSkipReason || mpiSkipReason }, () => {
  let cluster: KubernetesCluster
  let site: DriverSite
  let jobs: DriverJobs
  const prefixes = { openmpi: '', mpich: '', bodo: '' }

  before(async () => {
    for (const name of ['openmpi', 'mpich', 'bodo'] as const)
      prefixes[name] = await ensureMpiEnvironment(name)
    cluster = openSharedKubernetesCluster()
    await ensureNamespace(cluster)
    const work = join(cluster.dir, 'mpi-work')
    mkdirSync(work, { recursive: true })
    chmodSync(work, 0o777)
    for (const name of ['sum.py', 'bodo_groupby.py']) {
      copyFileSync(join(parts, name), join(work, name))
      chmodSync(join(work, name), 0o644)
    }
    await ensureClaims(cluster, { 'mpi-work': work, 'mpi-environments': environments })
    site = await createDriverSite(cluster, {
      networkPolicy: {
        controlPlane: { cidrs: [`${cluster.controlAddress}/32`], podSelector: {} },
        egressExcept: [],
      },
      volumesOf: () => ({
        volumes: ['mpi-work', 'mpi-environments'].map((name) => ({
          name,
          persistentVolumeClaim: { claimName: name },
        })),
        mounts: [
          { name: 'mpi-work', mountPath: '/work' },
          { name: 'mpi-environments', mountPath: environments, readOnly: true },
        ],
      }),
    })
    jobs = openDriverJobs(site, site.scheduler)
    writeFileSync(
      join(work, 'wrong'),
      `#!/bin/sh\n${prefixes.openmpi}/bin/python -c "from mpi4py import MPI; import time; print('alone', flush=True); time.sleep(1000)"\n`,
      { mode: 0o755 },
    )
  })
  after(() => site?.dispose())

  const submit = (command: JobSpec['command'], more: Partial<JobSpec> = {}) =>
    jobs.submit(
      jobs.spec(command, {
        tasks: 3,
        mpi: 'auto',
        environment: { PATH: '/usr/bin:/bin', HOME: '/work' },
        resources: { cpu: 0.3, memoryBytes: 300 * mebibyte },
        ...more,
      }),
    )

  async function readOutput(handle: JobHandle): Promise<string> {
    const chunks: Uint8Array[] = []
    for await (const chunk of site.scheduler.logs(handle, { signal })) chunks.push(chunk)
    return Buffer.concat(chunks).toString()
  }

  async function untilOutput(handle: JobHandle, what: RegExp, count: number): Promise<void> {
    await waitFor(
      `${count} times ${what}`,
      async () => ((await readOutput(handle)).match(new RegExp(what, 'g')) ?? []).length >= count,
      { deadlineMs: 120_000, everyMs: 300 },
    )
  }

  /** What the job said, once it has succeeded. */
  async function output(command: JobSpec['command'], more: Partial<JobSpec> = {}): Promise<string> {
    const handle = await submit(command, more)
    const { exit } = await jobs.until(handle, 'ended')
    const text = await readOutput(handle)
    assert.equal(exit.state, 'succeeded', `${exit.message}\n${text}`)
    return text
  }

  /** Of three ranks in so many pods. */
  function assertSums(text: string, pods: number): void {
    const lines = text.split('\n').filter((line) => line.startsWith('rank '))
    const seen = lines.map((line) => /^(.*) on (.*)$/.exec(line))
    assert.deepEqual(
      seen.map((match) => match?.[1]).sort(),
      [0, 1, 2].map((rank) => `rank ${rank} of 3, task ${rank} of 3: 6`),
      text,
    )
    assert.equal(new Set(seen.map((match) => match?.[2])).size, pods, text)
  }

  for (const [where, nodes] of [
    ['in one pod', 1],
    ['in two pods', 2],
  ] as const)
    describe(where, () => {
      for (const flavour of ['openmpi', 'mpich'] as const) {
        const python = (): string => join(prefixes[flavour], 'bin', 'python')

        test(`ranks of ${flavour} add up`, async () => {
          assertSums(await output([python(), 'sum.py'], { nodes }), nodes)
        })

        test(`long messages of ${flavour} arrive, in a pod and between pods`, async () => {
          const script = `import sys
from mpi4py import MPI
world = MPI.COMM_WORLD
sent = bytearray(b"x" * (8 << 20)) if world.rank == 0 else bytearray(8 << 20)
world.Bcast(sent, root=0)
total = world.reduce(sent.count(b"x"))
if world.rank == 0: sys.stdout.write(f"{total}\\n")`
          assert.equal((await output([python(), '-c', script], { nodes })).trim(), String(3 * 2 ** 23))
        })

        test(`ranks of ${flavour} are each asked to end`, async () => {
          const handle = await submit([python(), '-c', waiting], { nodes, kind: 'engine' })
          await untilOutput(handle, /ready/, 3)
          await jobs.cancel(handle, 30_000)
          const { exit } = await jobs.until(handle, 'ended')
          assert.equal(exit.state, 'cancelled')
          assert.equal((await readOutput(handle)).match(/bye/g)?.length, 3)
        })

        test(`all ranks of ${flavour} end with one that is killed`, async () => {
          const script = `import os, signal, time
from mpi4py import MPI
if MPI.COMM_WORLD.rank == 2: os.kill(os.getpid(), signal.SIGKILL)
time.sleep(1000)`
          const { exit } = await jobs.until(await submit([python(), '-c', script], { nodes }), 'ended')
          assert.equal(exit.state, 'failed')
        })
      }

      test('Bodo adds up a million rows as pandas does', async () => {
        const resources = { cpu: 0.5, memoryBytes: 700 * mebibyte }
        const command = [join(prefixes.bodo, 'bin', 'python'), 'bodo_groupby.py'] as const
        const text = await output(command, { tasks: 2, nodes, resources })
        assert.match(text, /equal to pandas: 1000 groups over 2 ranks, fewer here: True/)
      })

      test('tasks that do not talk know their numbers, and end with the first that fails', async () => {
        const script =
          "import os, sys; sys.stdout.write(f\"{os.environ['ATRIUM_TASK_INDEX']} of {os.environ['ATRIUM_TASKS']}\\n\")"
        const text = await output(['/usr/bin/python3', '-c', script], { nodes, mpi: 'none' })
        assert.deepEqual(text.trim().split('\n').sort(), ['0 of 3', '1 of 3', '2 of 3'])
        const failing =
          'import os, sys, time; sys.exit(7) if os.environ["ATRIUM_TASK_INDEX"] == "2" else time.sleep(1000)'
        const handle = await submit(['/usr/bin/python3', '-c', failing], { nodes, mpi: 'none' })
        const { exit } = await jobs.until(handle, 'ended')
        assert.deepEqual([exit.state, exit.exitCode], ['failed', 7], exit.message)
      })

      test('ranks of another MPI than was asked for are not started', async () => {
        const handle = await submit([join(prefixes.openmpi, 'bin', 'python'), 'sum.py'], {
          nodes,
          mpi: 'mpich',
        })
        const { exit } = await jobs.until(handle, 'ended')
        assert.match(exit.message, /was asked for, but /)
        assert.doesNotMatch(await readOutput(handle), /rank 0/)
      })
    })

  /** Pods of a job beside its main one. */
  const listPeers = async ({ key }: JobHandle) => {
    const what = ['--namespace', namespace, `--selector=atrium.dev/peer-of=${key}`, '--output=name']
    return (await cluster.kubectl('get', 'pods', ...what)).split('\n').filter(Boolean)
  }
  const untilNoPeers = (handle: JobHandle) =>
    waitFor('its pods to go', async () => (await listPeers(handle)).length === 0, { deadlineMs: 60_000 })
  const sleeping = [
    '/usr/bin/python3',
    '-c',
    'import time; print("on", flush=True); time.sleep(1000)',
  ] as const

  test('a pod that is lost ends the job of several, with that reason', async () => {
    const handle = await submit(sleeping, { nodes: 2, mpi: 'none' })
    await untilOutput(handle, /on/, 3)
    const [victim = ''] = await listPeers(handle)
    await cluster.kubectl(
      'delete',
      '--namespace',
      namespace,
      victim,
      '--grace-period=0',
      '--force',
      '--wait=false',
    )
    const { exit } = await jobs.until(handle, 'ended')
    assert.equal(exit.state, 'failed')
    assert.match(exit.message, /One of its pods was lost/)
    await untilNoPeers(handle)
  })

  test('the use of a job of several pods is that of all', async () => {
    const script = `import time
held = b"x" * (60 << 20)
while time.process_time() < 1: pass
time.sleep(1000)`
    const handle = await submit(['/usr/bin/python3', '-c', script], { nodes: 2, mpi: 'none' })
    await jobs.until(
      handle,
      'running',
      ({ cpuSeconds = 0, memoryBytes = 0 }) => cpuSeconds >= 3 && memoryBytes >= 180 * mebibyte,
    )
    await jobs.cancel(handle, 1000)
    await jobs.until(handle, 'ended')
    await untilNoPeers(handle)
  })

  test('a job of several pods ends at its time limit, which begins with it', async () => {
    const script = `import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(print("bye", flush=True)))
print("on", flush=True)
time.sleep(1000)`
    const command = ['/usr/bin/python3', '-c', script] as const
    const handle = await submit(command, { nodes: 2, mpi: 'none', timeLimitMs: 5000 })
    const { exit, startedAtMs = 0, endedAtMs = 0 } = await jobs.until(handle, 'ended')
    assert.equal(exit.reason, 'time_limit')
    assert.equal((await readOutput(handle)).match(/bye/g)?.length, 3)
    assert.ok(endedAtMs - startedAtMs >= 5000)
    await untilNoPeers(handle)
  })

  test('a job whose pods do not all find a node gives back those that have one, and others have their place', async () => {
    const impatient = await createDriverSite(cluster, { gangPatienceMs: 3000 })
    try {
      const alone = openDriverJobs(impatient, impatient.scheduler)
      const big = { tasks: 2, nodes: 2, mpi: 'none', resources: { cpu: 1.2 } } as const
      const handle = await alone.submit(alone.spec(sleeping, big))
      await alone.until(handle, 'pending', ({ reason = '' }) => reason.startsWith('1 of its 2 pods'))
      const other = await alone.submit(
        alone.spec(['/usr/bin/python3', '-c', ''], { resources: { cpu: 1.2 } }),
      )
      await alone.until(other, 'ended')
      assert.notEqual((await alone.observe(handle)).state, 'ended')
      await alone.cancel(handle)
      assert.equal((await alone.until(handle, 'ended')).exit.state, 'cancelled')
      await untilNoPeers(handle)
    } finally {
      await impatient.dispose()
    }
  })

  test('ranks that turn out to be of another MPI are ended: each would take itself for the only one', async () => {
    const { exit } = await jobs.until(
      await submit(['/work/wrong'], {
        mpi: 'mpich',
        nodes: 1,
        environment: { PATH: `${prefixes.mpich}/bin:/usr/bin:/bin`, HOME: '/work' },
      }),
      'ended',
    )
    assert.match(exit.message, /started for MPICH, but load Open MPI/)
  })
})

/** Claims that show folders of the node. */
async function ensureClaims(cluster: KubernetesCluster, folders: Record<string, string>): Promise<void> {
  const shape = { accessModes: ['ReadWriteMany'], storageClassName: '' }
  const resources = { requests: { storage: '1Gi' } }
  await cluster.apply(
    ...Object.entries(folders).flatMap(([name, path]) => [
      {
        apiVersion: 'v1',
        kind: 'PersistentVolume',
        metadata: { name },
        spec: { ...shape, capacity: { storage: '1Gi' }, hostPath: { path }, claimRef: { namespace, name } },
      },
      {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { name, namespace },
        spec: { ...shape, volumeName: name, resources },
      },
    ]),
  )
}
