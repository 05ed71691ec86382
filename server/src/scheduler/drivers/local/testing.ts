import { execFileSync } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { waitFor } from '#platform/wait-for.ts'
import type { JobHandle, JobSpec, Observation } from '#scheduler/job.ts'
import type { Submission } from '#scheduler/scheduler.ts'

import { buildLocalConfig, type LocalSchedulerConfig } from './local-config.ts'
import { createLocalScheduler, type LocalScheduler } from './local-scheduler.ts'

/** Tests only: Debian's Python where there is one, since other users can read it too. */
export const testPython = process.env['ATRIUM_TEST_PYTHON'] ?? '/usr/bin/python3'

export const isRoot = process.getuid?.() === 0

/** An ordinary user's numbers for jobs of tests that run as root; nobody needs to have them. */
const testUid = 54321

/** A fresh data folder, a scheduler on it, and what tests do with them. */
export interface LocalSite {
  dir: string
  config: LocalSchedulerConfig
  scheduler: LocalScheduler
  signal: AbortSignal
  /** A scheduler like the first one, on the same agent; closed by `close`. */
  connect(options?: Partial<LocalSchedulerConfig>): LocalScheduler
  run(spec: JobSpec): Promise<JobHandle>
  observe(handle: JobHandle): Promise<Observation>
  waitForEnd(handle: JobHandle): Promise<Extract<Observation, { state: 'ended' }>>
  readLog(handle: JobHandle): Promise<string>
  agentPid(): Promise<number>
  close(): Promise<void>
}

/** Starts nothing yet: the agent starts at the first call. */
export async function createLocalSite(options: Partial<LocalSchedulerConfig> = {}): Promise<LocalSite> {
  const dir = await mkdtemp(join(tmpdir(), 'atrium-local-'))
  const config = buildLocalConfig({
    python: testPython,
    dataDir: dir,
    socketPath: join(dir, 'agent.sock'),
    agentLogPath: join(dir, 'agent.log'),
    ...options,
  })
  const { signal } = new AbortController()
  const scheduler = createLocalScheduler(config)
  const others: LocalScheduler[] = []

  async function observe(handle: JobHandle): Promise<Observation> {
    return (await scheduler.observe([handle], { signal })).get(handle.key) ?? { state: 'absent' }
  }

  return {
    dir,
    config,
    scheduler,
    signal,
    observe,
    connect(changes = {}) {
      const other = createLocalScheduler({ ...config, ...changes })
      others.push(other)
      return other
    },
    async run(spec) {
      return expectAccepted(await scheduler.submit([spec], { signal }))
    },
    waitForEnd: (handle) =>
      waitFor(`the end of ${handle.key}`, async () => {
        const observation = await observe(handle)
        return observation.state === 'ended' && observation
      }),
    async readLog(handle) {
      const chunks = await Array.fromAsync(scheduler.logs(handle, { signal }))
      return Buffer.concat(chunks).toString()
    },
    agentPid: async () => (await scheduler.status({ signal })).pid,
    async close() {
      // The others may have been closed, that is what some tests are about.
      await endEverything(createLocalScheduler({ ...config, callTimeoutMs: 20_000 }), signal)
      for (const each of [scheduler, ...others]) await each.close()
      await rm(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
    },
  }
}

async function endEverything(scheduler: LocalScheduler, signal: AbortSignal): Promise<void> {
  const live = await scheduler.list({ signal })
  await scheduler.cancel(live, { signal, graceMs: 0 })
  await waitFor('all jobs to end', async () => (await scheduler.list({ signal })).length === 0)
  const { pid } = await scheduler.status({ signal })
  await scheduler.shutdownAgent({ signal })
  await waitFor('the agent to end', () => !isAlive(pid))
}

/** The handle of the only submission, which must have been taken. */
export function expectAccepted([submission]: readonly Submission[]): JobHandle {
  if (submission?.outcome !== 'accepted') throw new Error(`not accepted: ${JSON.stringify(submission)}`)
  return submission.handle
}

/** True while a process of this id exists and is no zombie. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** A job with everything filled in; as root it is run by an ordinary uid. */
export function buildTestSpec(
  key: string,
  command: readonly [string, ...string[]],
  changes: Partial<JobSpec> = {},
): JobSpec {
  const uid = isRoot ? testUid : process.getuid?.()
  return {
    key,
    kind: 'batch',
    owner: {
      name: 'test',
      login: 'test',
      home: '/tmp',
      ...(uid === undefined ? {} : { uid, gid: isRoot ? testUid : (process.getgid?.() ?? uid), gids: [] }),
    },
    command,
    environment: { PATH: '/usr/bin:/bin' },
    workingDirectory: '/tmp',
    resources: {},
    tasks: 1,
    ports: [],
    labels: {},
    ...changes,
  }
}

/**
 * A virtual environment with these modules (name: source), and a script `bin/probe` that calls `main` of the first one. Nothing has to be
 * downloaded for it.
 */
export async function buildTestEnvironment(
  prefix: string,
  modules: Readonly<Record<string, string>>,
): Promise<void> {
  execFileSync(testPython, ['-m', 'venv', '--without-pip', prefix])
  const [library = ''] = await readdir(join(prefix, 'lib'))
  for (const [name, source] of Object.entries(modules)) {
    await writeFile(join(prefix, 'lib', library, 'site-packages', `${name}.py`), source)
  }
  const [first] = Object.keys(modules)
  const script = `#!${prefix}/bin/python\nimport sys\nfrom ${first} import main\nif __name__ == '__main__':\n    sys.exit(main())\n`
  await writeFile(join(prefix, 'bin', 'probe'), script, { mode: 0o755 })
}
