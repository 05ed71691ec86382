import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'

import { waitFor } from '@atrium/server/platform/wait-for.ts'
import {
  buildTestSpec,
  createLocalSite,
  type LocalSite,
} from '@atrium/server/scheduler/drivers/local/testing.ts'
import type { JobHandle, JobSpec } from '@atrium/server/scheduler/job.ts'

import { ensureTestEnvironment } from '../support/python-environment.ts'

const run = promisify(execFile)
const client = join(import.meta.dirname, '..', '..', 'python', 'client', 'src')
const patient = { deadlineMs: 90_000, everyMs: 50 }
const entries = { scheduler: 'distributed.cli.dask_scheduler:main', worker: 'atrium_client.dask_worker:main' }

/** What a task sees of its worker; what names the process itself is left out. */
const look = `
import json, sys
from distributed import Client
def look():
    import os, sys, dask, dask.system, distributed, distributed.system, logging, threading, numpy, psutil
    from distributed.versions import get_versions
    config = {name: value for name, value in dask.config.config.items()}
    return {
        "config": config, "paths": dask.config.paths, "cpus": [dask.system.CPU_COUNT, distributed.cli.dask_worker.CPU_COUNT],
        "memory": distributed.system.MEMORY_LIMIT, "path": sys.path, "argv": sys.argv[1:-3], "main": sys.modules["__main__"].__name__,
        "main_file": sys.modules["__main__"].__file__, "environment": {name: value for name, value in os.environ.items() if name not in ("ATRIUM_JOB", "ATRIUM_TEST")},
        "cwd": os.getcwd(), "versions": get_versions(), "handlers": [str(type(each)) for each in logging.getLogger("distributed").handlers],
        "level": logging.getLogger("distributed").level, "umask": os.umask(0o77), "uid": os.getuid(),
        "sum": float((numpy.ones((300, 300)) @ numpy.ones((300, 300))).sum()), "executable": sys.executable,
    }
client = Client(sys.argv[1])
[worker] = client.scheduler_info()["workers"].values()
print(json.dumps({"seen": client.submit(look).result(), "nthreads": worker["nthreads"], "limit": worker["memory_limit"]}, default=str, sort_keys=True).replace("Infinity", '"inf"'))
client.close()
`.replace(', bokeh_pid', '')

describe('Dask from a preloaded interpreter', () => {
  let site: LocalSite
  let prefix: string
  let home: string
  let count = 0

  before(async () => {
    site = await createLocalSite()
    chmodSync(site.dir, 0o755)
    prefix = await ensureTestEnvironment()
    home = join(site.dir, 'home')
    mkdirSync(home)
    const { uid = -1, gid = -1 } = buildTestSpec('any', ['true']).owner
    chownSync(home, uid, gid)
  })
  after(() => site?.close())

  function buildSpec(entry: string, args: readonly string[], changes: Record<string, string> = {}): JobSpec {
    return buildTestSpec(`dask-${++count}`, [`${prefix}/bin/python`, '-m', ...args], {
      environment: {
        PATH: `${prefix}/bin:/usr/bin:/bin`,
        HOME: home,
        LANG: 'C.UTF-8',
        PYTHONPATH: client,
        OMP_NUM_THREADS: '1',
        MKL_NUM_THREADS: '1',
        OPENBLAS_NUM_THREADS: '1',
        MALLOC_TRIM_THRESHOLD_: '65536',
        DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION: 'False',
        DASK_GATEWAY__ADDRESS: 'http://127.0.0.1:1',
        ...changes,
      },
      workingDirectory: home,
      warm: { prefix, entry },
    })
  }

  const schedulerSpec = (changes: Record<string, string> = {}) => ({
    ...buildSpec(
      entries.scheduler,
      [
        ...['distributed.cli.dask_scheduler', '--host', '127.0.0.1', '--port', '{port:scheduler}'],
        ...['--no-dashboard', '--dashboard-address', '127.0.0.1:{port:dashboard}'],
        ...['--preload', 'atrium_client.dask_scheduler'],
      ],
      changes,
    ),
    ports: ['scheduler', 'dashboard'],
  })
  const workerSpec = (address: string, changes: Record<string, string> = {}) =>
    buildSpec(
      entries.worker,
      [
        'atrium_client.dask_worker',
        '--scheduler',
        address,
        '--nthreads',
        '1',
        '--memory-limit',
        '300000000',
        '--name',
        'w',
      ],
      changes,
    )

  function readWarmth({ key }: JobHandle): { used: boolean; reason?: string } {
    return JSON.parse(readFileSync(join(site.dir, 'jobs', key, 'record.json'), 'utf8')).warm
  }

  async function findPort(handle: JobHandle): Promise<number> {
    return waitFor(
      'the scheduler',
      async () => {
        const observation = await site.observe(handle)
        assert.notEqual(observation.state, 'ended', await site.readLog(handle))
        return observation.state === 'running' && observation.endpoint?.ports['scheduler']
      },
      patient,
    )
  }

  async function stop(...handles: JobHandle[]): Promise<void> {
    await site.scheduler.cancel(handles, { graceMs: 10_000, signal: site.signal })
    for (const handle of handles) await site.waitForEnd(handle)
  }

  /** A scheduler and a worker as given, what a task sees there, and how they were started. */
  async function lookIn(makeWarm: boolean, changes: Record<string, string> = {}) {
    const strip = ({ warm: _, ...spec }: JobSpec): JobSpec => spec
    const as = (spec: JobSpec) => (makeWarm ? spec : strip(spec))
    const scheduler = await site.run(as(schedulerSpec(changes)))
    const address = `tcp://127.0.0.1:${await findPort(scheduler)}`
    const worker = await site.run(as(workerSpec(address, changes)))
    await waitFor('the worker', async () => (await site.readLog(worker)).includes('Registered to'), patient)
    const { stdout } = await run(`${prefix}/bin/python`, ['-W', 'ignore', '-c', look, address])
    const warmth = [readWarmth(scheduler), readWarmth(worker)]
    await stop(worker, scheduler)
    const view = JSON.parse(stdout)
    // Of this worker alone; and the defaults of a package that a cold worker has not imported.
    view.seen.argv[1] = view.seen.path[0] = view.seen.environment.__DASK_PARENT_PID = 'differs'
    view.seen.config.gateway = { address: view.seen.config.gateway.address }
    return { view, warmth }
  }

  async function load() {
    await site.scheduler.preload(prefix, { entry: entries.scheduler, signal: site.signal })
    return waitFor(
      'the environment to be loaded',
      async () => {
        const { warm } = await site.scheduler.status({ signal: site.signal })
        const found = warm.find((each) => each.prefix === prefix)
        if (found?.state === 'failed') throw new Error(found.reason)
        return found?.state === 'ready' && found
      },
      patient,
    )
  }

  test('tasks see the same as on a worker that was started cold', async () => {
    const cold = await lookIn(false)
    await load()
    const warm = await lookIn(true)
    assert.deepEqual(warm.warmth, [{ used: true }, { used: true }])
    assert.deepEqual(warm.view, cold.view)
  })

  test('configuration that matters while modules load means a cold start, and holds', async () => {
    await load()
    const shard = { DASK_DISTRIBUTED__COMM__SHARD: '1MiB' }
    const { view, warmth } = await lookIn(true, shard)
    assert.match(warmth[0]?.reason ?? '', /distributed\.comm\.shard/)
    assert.equal(view.seen.config.distributed.comm.shard, '1MiB')
  })

  test("a person's own configuration holds", async () => {
    await load()
    const folder = join(home, '.config', 'dask')
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'own.yaml'), 'distributed: {worker: {memory: {target: 0.31}}}\n')
    const { view, warmth } = await lookIn(true)
    assert.deepEqual(warmth, [{ used: true }, { used: true }])
    assert.equal(view.seen.config.distributed.worker.memory.target, 0.31)
  })

  test('other threads of linear algebra than the interpreter was loaded with mean a cold start', async () => {
    await load()
    const { view, warmth } = await lookIn(true, { OMP_NUM_THREADS: '2' })
    assert.match(warmth[1]?.reason ?? '', /OMP_NUM_THREADS/)
    assert.equal(view.seen.environment.OMP_NUM_THREADS, '2')
  })
})
