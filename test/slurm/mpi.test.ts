import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmodSync, copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { waitFor } from '@atrium/server/platform/wait-for.ts'
import type { JobHandle, JobSpec, Observation } from '@atrium/server/scheduler/job.ts'

import { compileMpiProgram, ensureMpiEnvironment, mpiSkipReason } from '../support/mpi-environment.ts'
import type { SlurmCluster } from './cluster.ts'
import { createDriverSite, type DriverSite } from './driver-site.ts'
import { openSharedSlurmCluster, slurmSkipReason } from './shared-cluster.ts'

const parts = join(import.meta.dirname, '..', 'support', 'mpi')
const deadlineMs = 180_000
const callMs = 20_000

describe('MPI programs on nodes of a Slurm cluster', { skip: slurmSkipReason || mpiSkipReason }, () => {
  let cluster: SlurmCluster
  let site: DriverSite
  const prefixes = { openmpi: '', mpich: '' }

  before(async () => {
    cluster = openSharedSlurmCluster()
    for (const name of ['openmpi', 'mpich'] as const) prefixes[name] = await ensureMpiEnvironment(name)
    site = await createDriverSite(cluster)
    for (const flavour of ['openmpi', 'mpich'] as const) {
      const target = join(site.workingDirectory, `sum-${flavour}`)
      await compileMpiProgram(flavour, join(parts, 'sum.c'), target)
      chmodSync(target, 0o755)
    }
    copyFileSync(join(parts, 'sum.py'), join(site.workingDirectory, 'sum.py'))
    chmodSync(join(site.workingDirectory, 'sum.py'), 0o644)
  })
  after(() => site?.dispose())

  async function submit(
    command: readonly [string, ...string[]],
    more: Partial<JobSpec> = {},
  ): Promise<JobHandle> {
    const spec: JobSpec = {
      key: `mpi-${randomBytes(8).toString('hex')}-1`,
      kind: 'batch',
      owner: site.owner,
      command,
      environment: { PATH: '/usr/bin:/bin', HOME: site.workingDirectory },
      workingDirectory: site.workingDirectory,
      resources: { cpu: 1, memoryBytes: 300 * 2 ** 20 },
      tasks: 3,
      nodes: 2,
      mpi: 'auto',
      ports: [],
      labels: {},
      ...more,
    }
    const [answer] = await site.scheduler.submit([spec], { signal: AbortSignal.timeout(callMs) })
    assert.equal(answer?.outcome, 'accepted', JSON.stringify(answer))
    return answer.handle
  }

  async function untilEnded(handle: JobHandle): Promise<Extract<Observation, { state: 'ended' }>> {
    return await waitFor(
      'the job to end',
      async () => {
        const seen = await site.scheduler.observe([handle], { signal: AbortSignal.timeout(callMs) })
        const one = seen.get(handle.key)
        return one?.state === 'ended' ? one : undefined
      },
      { deadlineMs },
    )
  }

  async function readOutput(handle: JobHandle): Promise<string> {
    const chunks: Uint8Array[] = []
    for await (const chunk of site.scheduler.logs(handle, { signal: AbortSignal.timeout(callMs) }))
      chunks.push(chunk)
    return Buffer.concat(chunks).toString()
  }

  async function untilOutput(handle: JobHandle, what: RegExp, count: number): Promise<void> {
    await waitFor(
      `${count} times ${what}`,
      async () => ((await readOutput(handle)).match(new RegExp(what, 'g')) ?? []).length >= count,
      { deadlineMs },
    )
  }

  /** What the job said, once it has succeeded. */
  async function output(
    command: readonly [string, ...string[]],
    more: Partial<JobSpec> = {},
  ): Promise<string> {
    const handle = await submit(command, more)
    const { exit } = await untilEnded(handle)
    const text = await readOutput(handle)
    assert.equal(exit.state, 'succeeded', `${exit.message}\n${text}`)
    assert.doesNotMatch(text, /slurmstepd.*error/)
    return text
  }

  /** Of three ranks on two nodes. */
  function assertSums(text: string): void {
    const lines = text.split('\n').filter((line) => line.startsWith('rank '))
    const seen = lines.map((line) => /^(.*) on (.*)$/.exec(line))
    assert.deepEqual(
      seen.map((match) => match?.[1]).sort(),
      [0, 1, 2].map((rank) => `rank ${rank} of 3, task ${rank} of 3: 6`),
      text,
    )
    assert.equal(new Set(seen.map((match) => match?.[2])).size, 2, text)
  }

  for (const flavour of ['openmpi', 'mpich'] as const) {
    const python = (): string => join(prefixes[flavour], 'bin', 'python')

    describe(flavour, () => {
      test('adds up over ranks of mpi4py on two nodes', async () => {
        assertSums(await output([python(), 'sum.py']))
      })

      test('adds up over ranks of a program in C on two nodes', async () => {
        assertSums(await output([`./sum-${flavour}`]))
        assertSums(await output([`./sum-${flavour}`], { mpi: flavour, kind: 'engine' }))
      })

      test('ends all of them with one that is killed', async () => {
        const script = `import os, signal, time
from mpi4py import MPI
if MPI.COMM_WORLD.rank == 2: os.kill(os.getpid(), signal.SIGKILL)
time.sleep(1000)`
        const { exit } = await untilEnded(await submit([python(), '-c', script]))
        assert.equal(exit.state, 'failed')
      })

      test('asks each to end', async () => {
        const script = `import signal, sys, time
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
        const handle = await submit([python(), '-c', script])
        await untilOutput(handle, /ready/, 3)
        await site.scheduler.cancel([handle], { graceMs: 30_000, signal: AbortSignal.timeout(callMs) })
        const { exit } = await untilEnded(handle)
        assert.equal(exit.state, 'cancelled')
        assert.equal((await readOutput(handle)).match(/bye/g)?.length, 3)
      })

      test('is told apart from the other before anything runs', async () => {
        const other = flavour === 'openmpi' ? 'mpich' : 'openmpi'
        for (const command of [[python(), 'sum.py'], [`./sum-${flavour}`]] as const) {
          const handle = await submit(command, { mpi: other })
          const { exit } = await untilEnded(handle)
          assert.equal(exit.state, 'failed')
          assert.match(exit.message, /was asked for, but /)
          assert.doesNotMatch(await readOutput(handle), /rank 0/)
        }
      })
    })
  }

  test('adds up a million rows by Bodo on two nodes as pandas does', async () => {
    const prefix = await ensureMpiEnvironment('bodo')
    copyFileSync(join(parts, 'bodo_groupby.py'), join(site.workingDirectory, 'bodo_groupby.py'))
    const command = [join(prefix, 'bin', 'python'), 'bodo_groupby.py'] as const
    const resources = { cpu: 1, memoryBytes: 900 * 2 ** 20 }
    const text = await output(command, { tasks: 2, resources })
    assert.match(text, /equal to pandas: 1000 groups over 2 ranks, fewer here: True/)
  })

  test('takes values as long as it says that it takes, as MPICH sends for addresses of UCX', async () => {
    const script = `import os, socket, sys
pmi = socket.socket(fileno=int(os.environ["PMI_FD"]))
answers = pmi.makefile("rb")
def ask(line):
    pmi.sendall(line.encode() + b"\\n")
    return dict(word.split("=", 1) for word in answers.readline().decode().split())
ask("cmd=init pmi_version=1 pmi_subversion=1")
space, longest = ask("cmd=get_my_kvsname")["kvsname"], int(ask("cmd=get_maxes")["vallen_max"])
value = lambda rank: str(rank) * (longest - 1)
ask(f"cmd=put kvsname={space} key={os.environ['ATRIUM_TASK_INDEX']:k>64} value={value(os.environ['ATRIUM_TASK_INDEX'])}")
ask("cmd=barrier_in")
got = [ask(f"cmd=get kvsname={space} key={rank:k>64}").get("value") == value(rank) for rank in range(3)]
ask("cmd=finalize")
sys.stdout.write(f"{got}\\n")`
    const text = await output([join(prefixes.mpich, 'bin', 'python'), '-c', script])
    assert.equal(text, '[True, True, True]\n'.repeat(3))
  })

  test('ends ranks that turn out to be of another MPI: each would take itself for the only one', async () => {
    const script = join(site.workingDirectory, 'wrong')
    const python = join(prefixes.openmpi, 'bin', 'python')
    writeFileSync(
      script,
      `#!/bin/sh\n${python} -c "from mpi4py import MPI; import time; print('alone', flush=True); time.sleep(1000)"\n`,
      { mode: 0o755 },
    )
    const handle = await submit([script], { mpi: 'mpich' })
    const { exit } = await untilEnded(handle)
    assert.match(exit.message, /started for MPICH, but load Open MPI/)
    assert.match(await readOutput(handle), /started for MPICH, but load Open MPI/)
  })

  test('gives each rank its cores', async () => {
    const script = 'import os; os.write(1, f"{len(os.sched_getaffinity(0))}\\n".encode())'
    const resources = { cpu: 2, memoryBytes: 300 * 2 ** 20 }
    const python = join(prefixes.mpich, 'bin', 'python')
    assert.equal((await output([python, '-c', script], { resources, tasks: 2 })).trim(), '2\n2')
  })

  test('ends at its time limit', async () => {
    const command = [
      join(prefixes.mpich, 'bin', 'python'),
      '-c',
      'from mpi4py import MPI; import time; time.sleep(1000)',
    ] as const
    const { exit } = await untilEnded(await submit(command, { timeLimitMs: 60_000 }))
    assert.equal(exit.reason, 'time_limit')
  })

  test('has the GPU of the node that has one', async () => {
    const script = 'echo "gpu $CUDA_VISIBLE_DEVICES on $(hostname)"'
    const text = await output(['/bin/sh', '-c', script], {
      resources: { cpu: 1, gpu: 1 },
      tasks: 1,
      nodes: 1,
    })
    assert.match(text, /^gpu 0 on n3$/m)
  })
})
