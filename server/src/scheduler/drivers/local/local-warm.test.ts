import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmod, chown, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { waitFor } from '#platform/wait-for.ts'
import type { JobHandle, JobSpec } from '#scheduler/job.ts'

import type { AgentWarmEnvironment } from './agent-protocol.ts'
import {
  buildTestEnvironment,
  buildTestSpec,
  createLocalSite,
  expectAccepted,
  isAlive,
  isRoot,
  type LocalSite,
} from './testing.ts'

/** What user code can see of its process. Values that name the process itself are left out. */
const probeModule = `
import asyncio, ctypes, json, logging, os, pathlib, random, resource, secrets, signal, ssl, stat, sys, tempfile, threading, locale, uuid, site
import multiprocessing.process

READ_AT_IMPORT = os.environ.get("ATRIUM_PROBE")
def bring(): import loop_probe
bring()
HOME_AT_IMPORT = os.path.expanduser("~/kept")
def make():
    try: os.makedirs(HOME_AT_IMPORT)
    except OSError as error: return type(error).__name__
    return "made"
MADE_AT_IMPORT = make()
PATHS = (pathlib.Path.home() / "kept", pathlib.Path("~/.config").expanduser())
PRINTED = str(PATHS[1])
CONTAINERS = {"homes": {"kept": os.path.expanduser("~/kept")}}

def main():
    if sys.argv[1:2] == ["exit"]: sys.exit(int(sys.argv[2]))
    if sys.argv[1:2] == ["raise"]: raise ValueError("on purpose")
    if sys.argv[1:2] == ["made"]: return print(MADE_AT_IMPORT)
    if sys.argv[1:2] == ["wait"]:
        print("waiting", flush=True)
        signal.pause()
    if sys.argv[1:2] == ["children"]:
        for method in ("spawn", "forkserver", "fork"):
            with multiprocessing.get_context(method).Pool(1) as pool: print(method, pool.apply(max, ([1, 2],)))
        return
    import fresh_probe, loop_probe
    loop_value = asyncio.get_event_loop().run_until_complete(asyncio.sleep(0, 7)), asyncio.get_event_loop() is loop_probe.LOOP
    def interrupt():
        try: os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt: return True
    def status(*names):
        lines = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
        return {name: lines[name].strip() for name in names}
    print(json.dumps({
        "environment": dict(os.environ), "cwd": os.getcwd(), "argv": sys.argv, "orig_argv": sys.orig_argv, "path": sys.path,
        "executable": sys.executable, "prefix": sys.prefix, "flags": {name: getattr(sys.flags, name) for name in dir(sys.flags) if name[0] != "_" and name not in ("utf8_mode", "count", "index")},
        "main": [sys.modules["__main__"].__file__, sys.modules["__main__"].__name__],
        "ids": [os.getresuid(), os.getresgid(), sorted(os.getgroups())],
        "status": status("NoNewPrivs", "SigBlk", "SigIgn", "CapEff", "Seccomp"),
        "umask": oct(os.umask(0)), "core": resource.getrlimit(resource.RLIMIT_CORE),
        "files": {fd: os.readlink("/proc/self/fd/" + fd) for fd in ("0", "1", "2")},
        "open": sorted(int(fd) for fd in os.listdir("/proc/self/fd"))[:-1],
        "session": [os.getsid(0) == os.getpid(), os.getpgid(0) == os.getpid()], "threads": len(os.listdir("/proc/self/task")),
        "encodings": [sys.stdout.encoding, sys.getfilesystemencoding(), locale.setlocale(locale.LC_CTYPE)],
        "tempdir": tempfile.gettempdir(), "home": HOME_AT_IMPORT, "containers": CONTAINERS, "paths": [[str(each), each.name, [*each.parts], each == pathlib.Path(str(each))] for each in PATHS],
        "user_site": [site.USER_BASE, site.ENABLE_USER_SITE], "original": multiprocessing.process.ORIGINAL_DIR,
        "read_variable": fresh_probe.PREFIX, "loop_value": loop_value, "bytecode": sys.dont_write_bytecode,
        "dumpable": ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), "files_of": {name: os.stat("/proc/self/" + name).st_uid for name in ("environ", "io", "mem")},
        "signals": {name: str(signal.getsignal(name)) for name in signal.Signals}, "interrupted": interrupt(), "wakeup": signal.set_wakeup_fd(-1),
        "logging": [len(logging.getLogger().handlers), logging.getLogger().level, logging.raiseExceptions],
        "loop": asyncio._get_running_loop() is None, "policy": type(asyncio.get_event_loop_policy()).__name__,
        "thread": [threading.current_thread() is threading.main_thread(), threading.main_thread().ident == threading.get_ident(), threading.get_native_id() == os.getpid()],
        "tty": [stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)], "nice": os.nice(0), "affinity": sorted(os.sched_getaffinity(0)),
        "gc": __import__("gc").isenabled(), "hooks": sys.excepthook is sys.__excepthook__,
    }))
    print(json.dumps([random.random(), secrets.token_hex(), ssl.RAND_bytes(8).hex(), uuid.uuid4().hex,
        next(tempfile._get_candidate_names()), multiprocessing.process.current_process().authkey.hex()]))
`

/** Reads a variable of the job at import, as jupyterhub's own modules do. */
const freshModule = `import os\nPREFIX = os.environ.get("JUPYTERHUB_SERVICE_PREFIX")\n`

/** Has a loop from its import on, as dask_labextension has. */
const loopModule = `import asyncio\nLOOP = asyncio.new_event_loop()\nasyncio.set_event_loop(LOOP)\n`

const entry = 'atrium_probe:main'

describe('warm start', () => {
  let site: LocalSite
  let prefix: string
  let home: string
  let count = 0

  before(async () => {
    site = await createLocalSite()
    await chmod(site.dir, 0o755)
    prefix = join(site.dir, 'env')
    home = join(site.dir, 'home')
    await mkdir(home)
    const { uid, gid } = buildTestSpec('any', ['true']).owner
    if (uid !== undefined && gid !== undefined) await chown(home, uid, gid)
    await buildEnvironment(prefix)
  })
  after(() => site.close())

  function spec(args: string[], changes: Partial<JobSpec> = {}): JobSpec {
    return buildTestSpec(`warm-${++count}`, [join(prefix, 'bin', 'probe'), ...args], {
      environment: {
        PATH: '/usr/bin:/bin',
        HOME: home,
        LANG: 'C.UTF-8',
        JUPYTERHUB_SERVICE_PREFIX: '/user/x/',
      },
      workingDirectory: home,
      warm: { prefix, entry },
      ...changes,
    })
  }

  async function load(): Promise<AgentWarmEnvironment> {
    await site.scheduler.preload(prefix, { entry, signal: site.signal })
    return waitFor('the environment to be loaded', async () => {
      const { warm } = await site.scheduler.status({ signal: site.signal })
      const found = warm.find((each) => each.prefix === prefix)
      if (found?.state === 'failed') throw new Error(found.reason)
      return found?.state === 'ready' && found
    })
  }

  async function warmth(handle: JobHandle): Promise<{ used: boolean; reason?: string }> {
    const { readFile } = await import('node:fs/promises')
    const record = JSON.parse(await readFile(join(site.dir, 'jobs', handle.key, 'record.json'), 'utf8'))
    return record.warm
  }

  async function run(wanted: JobSpec) {
    const handle = await site.run(wanted)
    const { exit } = await site.waitForEnd(handle)
    return { exit, output: await site.readLog(handle), warm: await warmth(handle) }
  }

  /** What the probe saw, and what it drew at random. */
  async function look(wanted: JobSpec) {
    const { output, warm, exit } = await run(wanted)
    assert.equal(exit.state, 'succeeded', output)
    const [seen = '', drawn = ''] = output.trim().split('\n').slice(-2)
    const view = JSON.parse(seen)
    view.environment.ATRIUM_JOB = view.files[1] = view.files[2] = 'differs by job'
    return { view, drawn: JSON.parse(drawn) as unknown[], warm, output }
  }

  test('user code sees the same process as after a cold start', async () => {
    await load()
    const { warm: _warm, ...cold } = spec(['an argument', '--option=1'])
    const fromCold = await look(cold)
    const fromWarm = await look(spec(['an argument', '--option=1']))
    assert.deepEqual(fromWarm.warm, { used: true })
    assert.deepEqual(fromCold.warm, { used: false })
    assert.deepEqual(fromWarm.view, fromCold.view)
  })

  test('modules leave nothing in a home folder when they are loaded, and take it for a missing one', async () => {
    await load()
    const { output, warm } = await run(spec(['made']))
    assert.deepEqual([warm.used, output], [true, 'FileNotFoundError\n'])
  })

  test('processes of its own start in each of the ways there are', async () => {
    await load()
    const { output, warm, exit } = await run(spec(['children']))
    assert.deepEqual([warm.used, exit.state], [true, 'succeeded'], output)
    assert.equal(output, 'spawn 2\nforkserver 2\nfork 2\n')
  })

  test('two jobs of one fork server draw different random numbers', async () => {
    await load()
    const [one, two] = [await look(spec([])), await look(spec([]))]
    assert.ok(one.warm.used && two.warm.used)
    for (const [index, value] of one.drawn.entries()) assert.notEqual(value, two.drawn[index], String(index))
  })

  for (const [title, environment] of [
    ['no locale', { LANG: '' }],
    ['the C locale', { LANG: 'C' }],
    ['PYTHONPATH and unbuffered output', { PYTHONPATH: '/nonexistent:/usr', PYTHONUNBUFFERED: '1' }],
    ['another temporary folder', { TMPDIR: '/var/tmp' }],
  ] as const) {
    test(`the same with ${title}`, async () => {
      await load()
      const base = spec([])
      const changes = { environment: { ...base.environment, ...environment } }
      const fromWarm = await look({ ...base, ...changes })
      const { warm: _warm, ...cold } = spec([], changes)
      assert.deepEqual(fromWarm.warm, { used: true })
      assert.deepEqual(fromWarm.view, (await look(cold)).view)
    })
  }

  test('exit statuses and signals reach the agent', async () => {
    await load()
    const failed = await run(spec(['exit', '7']))
    assert.deepEqual([failed.exit.exitCode, failed.warm.used], [7, true])
    const raised = await run(spec(['raise']))
    assert.equal(raised.exit.exitCode, 1)
    assert.match(raised.output, /ValueError: on purpose/)
    const handle = await site.run(spec(['wait']))
    await waitFor('it to wait', () => site.readLog(handle))
    await site.scheduler.cancel([handle], { graceMs: 5000, signal: site.signal })
    assert.equal((await site.waitForEnd(handle)).exit.signal, 'SIGTERM')
  })

  test('a job outlives its fork server and the agent, and its end is seen', async () => {
    const { pid = 0 } = await load()
    const handle = await site.run(spec(['wait']))
    await waitFor('it to wait', () => site.readLog(handle))
    assert.ok((await warmth(handle)).used)
    process.kill(pid, 'SIGKILL')
    await waitFor('the fork server to be missed', async () => {
      const { warm } = await site.scheduler.status({ signal: site.signal })
      return warm[0]?.state === 'failed'
    })
    assert.equal((await site.observe(handle)).state, 'running')
    const { pid: agent } = await site.scheduler.status({ signal: site.signal })
    process.kill(agent, 'SIGKILL')
    await waitFor('the agent to be gone', () => !isAlive(agent))
    assert.equal((await site.observe(handle)).state, 'running')
    await site.scheduler.cancel([handle], { graceMs: 5000, signal: site.signal })
    assert.equal((await site.waitForEnd(handle)).exit.state, 'cancelled')
  })

  test('a dead fork server means a cold start of the same command, with the reason, and is loaded again', async () => {
    const { pid = 0 } = await load()
    process.kill(pid, 'SIGKILL')
    await waitFor('the fork server to be missed', async () => {
      const { warm } = await site.scheduler.status({ signal: site.signal })
      return warm[0]?.state === 'failed'
    })
    const { warm, exit } = await run(spec(['exit', '0']))
    assert.equal(exit.state, 'succeeded')
    assert.equal(warm.used, false)
    assert.match(warm.reason ?? '', /fork server/)
    await load()
    assert.ok((await run(spec(['exit', '0']))).warm.used)
  })

  test('a hung fork server means a cold start within a moment', async () => {
    const { pid = 0 } = await load()
    process.kill(pid, 'SIGSTOP')
    const { warm, exit } = await run(spec(['exit', '0']))
    assert.deepEqual([exit.state, warm.used], ['succeeded', false])
    assert.match(warm.reason ?? '', /no answer/)
  })

  test('many jobs at once all start warm, each once', async () => {
    await load()
    const specs = Array.from({ length: 60 }, () => spec(['wait']))
    const submissions = await site.scheduler.submit(specs, { signal: site.signal })
    const handles = submissions.map((one) => expectAccepted([one]))
    for (const handle of handles) assert.deepEqual(await warmth(handle), { used: true })
    const { pid } = await site.scheduler.status({ signal: site.signal })
    const countRunning = () => {
      const children = execFileSync('ps', ['-o', 'comm=', '--ppid', String(pid)]).toString()
      return children.split('\n').filter((name) => name.trim() === 'probe').length
    }
    await waitFor('60 processes', () => countRunning() === 60)
    for (const handle of handles) await waitFor('each to be up', () => site.readLog(handle))
    assert.equal(countRunning(), 60)
    await site.scheduler.cancel(handles, { graceMs: 5000, signal: site.signal })
    await waitFor('all to end', async () => (await site.scheduler.list({ signal: site.signal })).length === 0)
  })

  test('a changed environment is noticed at the next start and loaded anew', async () => {
    await load()
    const [library = ''] = await readdir(join(prefix, 'lib'))
    await mkdir(join(prefix, 'lib', library, 'site-packages', `new_package_${count}`))
    const { warm } = await run(spec(['exit', '0']))
    assert.match(warm.reason ?? '', /has changed/)
    await load()
    assert.ok((await run(spec(['exit', '0']))).warm.used)
  })

  for (const [title, changes, reason] of [
    ['a hash seed', { PYTHONHASHSEED: '0' }, /PYTHONHASHSEED is set/],
    ['a preloaded library', { LD_PRELOAD: '' }, /LD_PRELOAD is set/],
    ['another value of a variable that modules read', { ATRIUM_PROBE: 'x' }, /ATRIUM_PROBE is read/],
  ] as const) {
    test(`starts cold for ${title}`, async () => {
      await load()
      const base = spec(['exit', '5'])
      const { warm, exit } = await run({ ...base, environment: { ...base.environment, ...changes } })
      assert.equal(exit.exitCode, 5)
      assert.equal(warm.used, false)
      assert.match(warm.reason ?? '', reason)
    })
  }

  test("starts cold when the user's own packages would come first", async () => {
    await load()
    const own = join(site.dir, 'own')
    await mkdir(own)
    await writeFile(join(own, 'atrium_probe.py'), 'def main(): print("my own")\n')
    const base = spec([])
    const { warm, output } = await run({ ...base, environment: { ...base.environment, PYTHONPATH: own } })
    assert.equal(output, 'my own\n')
    assert.match(warm.reason ?? '', /holds atrium_probe/)
  })

  test('starts cold for a command that is no script of the environment', async () => {
    await load()
    const { warm, output } = await run({ ...spec([]), command: ['/bin/echo', 'hi'] })
    assert.equal(output, 'hi\n')
    assert.match(warm.reason ?? '', /not a script/)
  })

  test('as root, never loads what others than root could change', {
    skip: isRoot ? false : 'needs root',
  }, async () => {
    const spoilt = join(site.dir, 'spoilt')
    await buildEnvironment(spoilt)
    const [library = ''] = await readdir(join(spoilt, 'lib'))
    const packages = join(spoilt, 'lib', library, 'site-packages')
    const refuse = (pattern: RegExp) =>
      assert.rejects(site.scheduler.preload(spoilt, { entry, signal: site.signal }), (error: Error) =>
        pattern.test(String(error.cause)),
      )
    await chmod(packages, 0o777)
    await refuse(/can be written by others/)
    await chmod(packages, 0o755)
    await chown(join(packages, 'atrium_probe.py'), 12345, 12345)
    await refuse(/belongs to uid 12345/)
    await chown(join(packages, 'atrium_probe.py'), 0, 0)
    await chown(join(spoilt, 'bin'), 12345, 12345)
    await refuse(/belongs to uid 12345/)
    await chown(join(packages, 'atrium_probe.py'), 12346, 12346)
    await refuse(/several users/)
  })

  test("a user's own build is loaded as that user and serves nobody else", {
    skip: isRoot ? false : 'needs root',
  }, async () => {
    const own = join(site.dir, 'own-env')
    await buildEnvironment(own)
    const { uid = 0 } = buildTestSpec('any', ['true']).owner
    execFileSync('chown', ['-R', `${uid}:${uid}`, own])
    const mine = (changes: Partial<JobSpec> = {}): JobSpec => ({
      ...spec(['exit', '0']),
      command: [join(own, 'bin', 'probe'), 'exit', '0'],
      warm: { prefix: own, entry },
      ...changes,
    })
    await run(mine())
    const loaded = await waitFor('it to be loaded', async () => {
      const { warm } = await site.scheduler.status({ signal: site.signal })
      return warm.find((each) => each.prefix === own && each.state === 'ready')
    })
    assert.match(
      execFileSync('ps', ['-o', 'uid=', '-p', String(loaded.pid)]).toString(),
      new RegExp(`^\\s*${uid}\\s*$`),
    )
    const { warm: mineWarm, exit } = await run(mine())
    assert.deepEqual([mineWarm.used, exit.state], [true, 'succeeded'])
    const other = { ...buildTestSpec('any', ['true']).owner, uid: uid + 1, gid: uid + 1 }
    const { warm } = await run(mine({ owner: other, workingDirectory: '/tmp' }))
    assert.match(warm.reason ?? '', /belongs to another user/)
  })
})

function buildEnvironment(prefix: string): Promise<void> {
  return buildTestEnvironment(prefix, {
    atrium_probe: probeModule,
    fresh_probe: freshModule,
    loop_probe: loopModule,
  })
}
