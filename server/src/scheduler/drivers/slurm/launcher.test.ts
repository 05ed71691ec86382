import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { PlatformError } from '@atrium/contract/errors.ts'
import { systemClock } from '#platform/clock.ts'
import { findInstallationRoot } from '#platform/installation.ts'
import { createSilentLogger } from '#platform/log.ts'
import { waitFor } from '#platform/wait-for.ts'
import type { JobSpec } from '#scheduler/job.ts'
import { createMemoryPlacements, type JobPlacement, type JobPlacements } from '#scheduler/job-placement.ts'
import type { NodeDoor } from '#scheduler/node-door.ts'
import { createMunge } from './munge.ts'
import { createNodeDoor } from './node-door.ts'
import { type NodeServer, startNodeServer } from './testing/node-server.ts'
import { mungeSkipReason, startTestMunge, type TestMunge } from './testing/test-munge.ts'

const uid = process.getuid?.() ?? 0
const gid = process.getgid?.() ?? 0
const program = join(findInstallationRoot(), 'python', 'src', 'atrium_node')
const key = 'server-abc-1'
/** Of this run alone, so that two at once do not meet. */
const firstPort = 40_000 + (process.pid % 1000) * 10
const portRange = { first: firstPort, last: firstPort + 9 }

interface LaunchOptions {
  environment?: Record<string, string>
  options?: readonly string[]
  url?: string
}

describe('the launcher on a node', { skip: mungeSkipReason }, () => {
  let munge: TestMunge
  let folder: string
  let logs: string
  let server: NodeServer
  let door: NodeDoor
  let placements: JobPlacements
  const specs = new Map<string, JobSpec>()

  before(async () => {
    munge = await startTestMunge()
    folder = mkdtempSync(join(tmpdir(), 'atrium-launcher-'))
    logs = join(folder, 'logs')
    mkdirSync(logs)
    chmodSync(logs, 0o3733)
    placements = createMemoryPlacements()
    door = createNodeDoor({
      launches: { findLaunch: async (wanted) => specs.get(wanted) },
      placements,
      munge: createMunge({ socket: munge.socket }),
      logPath: (of) => join(logs, `log-of-${of}`),
      logLimitBytes: 65_536,
      portRange,
      heard: () => {},
      clock: systemClock,
      log: createSilentLogger(),
    })
    server = await startNodeServer(door)
  })
  after(async () => {
    await server?.close()
    await munge?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  /** A job that is wanted and submitted, under a key of its own. */
  async function want(command: JobSpec['command'], more: Partial<JobSpec> = {}): Promise<string> {
    const own = `job-${randomBytes(8).toString('hex')}-1`
    specs.set(own, {
      key: own,
      kind: 'server',
      owner: { name: 'alice', login: 'alice', uid, gid, home: folder },
      command,
      environment: { PATH: process.env['PATH'] ?? '' },
      workingDirectory: folder,
      resources: {},
      tasks: 1,
      ports: [],
      labels: {},
      ...more,
    })
    await placements.record(new Map([[own, { uid }]]))
    return own
  }

  function launch(
    keys: readonly string[],
    { environment = {}, options = [], url = server.url }: LaunchOptions = {},
  ): ChildProcess {
    const args = ['-I', '-S', program, 'slurm_job', '--url', url, '--munge-socket', munge.socket]
    return spawn('python3', [...args, ...options, ...keys], {
      env: { PATH: process.env['PATH'], SLURM_JOB_ID: '7', SLURMD_NODENAME: 'n1', ...environment },
      stdio: 'ignore',
    })
  }

  const ended = (child: ChildProcess) =>
    new Promise<number | string | null>((resolve) =>
      child.once('exit', (code, signal) => resolve(code ?? signal)),
    )
  const read = async (of: string): Promise<JobPlacement | undefined> => (await placements.read([of])).get(of)
  const logOf = (of: string) => readFileSync(join(logs, `log-of-${of}`), 'utf8')

  test('runs the program in its own environment, with what Slurm says and nothing of the batch job', async () => {
    const job = await want(['env'], {
      environment: { PATH: '/usr/bin:/bin', SECRET: 'täg=1', LANG: 'C.UTF-8' },
    })
    const environment = {
      CUDA_VISIBLE_DEVICES: '1',
      TMPDIR: '/tmp',
      HTTP_PROXY: 'http://127.0.0.1:1',
      http_proxy: 'http://127.0.0.1:1',
      XDG_RUNTIME_DIR: '/run/user/0',
      SLURM_EXPORT_ENV: 'NONE',
      LEFT_OVER: 'x',
    }
    assert.equal(await ended(launch([job], { environment })), 0)
    assert.deepEqual(logOf(job).trim().split('\n').sort(), [
      `ATRIUM_JOB=${job}`,
      'CUDA_VISIBLE_DEVICES=1',
      'LANG=C.UTF-8',
      'PATH=/usr/bin:/bin',
      'SECRET=täg=1',
      'SLURM_JOB_ID=7',
      'TMPDIR=/tmp',
    ])
    const placement = await read(job)
    assert.equal(placement?.claimedBy, '7')
    assert.equal(placement?.exit?.exitCode, 0)
  })

  test('takes rights away before the program runs, and shows its output to nobody else', async () => {
    const script = `import os, resource
status = dict(line.split(':\\t', 1) for line in open('/proc/self/status') if ':\\t' in line)
print(status['NoNewPrivs'].strip(), resource.getrlimit(resource.RLIMIT_CORE), oct(os.umask(0)), os.read(0, 1), os.getcwd())
print(status['SigBlk'].strip(), status['SigIgn'].strip()[-8:], os.getsid(0) == os.getpid(), sorted(os.listdir('/proc/self/fd'))[:3])`
    const job = await want(['python3', '-S', '-c', script])
    assert.equal(await ended(launch([job])), 0)
    const [first, second] = logOf(job).split('\n')
    assert.equal(first, `1 (0, 0) 0o77 b'' ${folder}`)
    // Python itself ignores SIGPIPE and SIGXFSZ.
    assert.equal(second, "0000000000000000 01001000 True ['0', '1', '2']")
    assert.equal(statSync(join(logs, `log-of-${job}`)).mode & 0o777, 0o640)
  })

  test('tells ports once the program listens on them, at the address the platform sees', async () => {
    const script = `import socket, sys, time
sockets = []
for port in sys.argv[1:]:
    sockets.append(socket.create_server(('0.0.0.0', int(port))))
time.sleep(1000)`
    const job = await want(['python3', '-c', script, '{port:http}', '{port:other}'], {
      ports: ['http', 'other'],
    })
    const launcher = launch([job])
    await waitFor('the ports to be told', async () => (await read(job))?.ports !== undefined)
    const placement = await read(job)
    assert.equal(placement?.host, '127.0.0.1')
    assert.deepEqual(Object.keys(placement?.ports ?? {}), ['http', 'other'])
    for (const port of Object.values(placement?.ports ?? {}))
      assert.ok(port >= portRange.first && port <= portRange.last, String(port))
    launcher.kill('SIGTERM')
    assert.equal(await ended(launcher), 143)
    assert.equal((await read(job))?.exit?.signal, 'SIGTERM')
  })

  test('passes Slurm’s wish to end on, and waits for the program to tidy up', async () => {
    const script = `import signal, sys, time
def end(*_):
    print('tidied up', flush=True)
    sys.exit(3)
signal.signal(signal.SIGTERM, end)
print('waiting', flush=True)
while True: time.sleep(1000)`
    const job = await want(['python3', '-c', script])
    const launcher = launch([job])
    await waitFor('the program', () => existsSync(join(logs, `log-of-${job}`)) && logOf(job) === 'waiting\n')
    launcher.kill('SIGTERM')
    assert.equal(await ended(launcher), 3)
    assert.equal(logOf(job), 'waiting\ntidied up\n')
  })

  test('ends with the status of its program, and tells it', async () => {
    const job = await want(['sh', '-c', 'exit 7'])
    assert.equal(await ended(launch([job])), 7)
    assert.equal((await read(job))?.exit?.exitCode, 7)
  })

  test('says why a program could not be started', async () => {
    const missing = await want(['/no/such/program'])
    assert.equal(await ended(launch([missing])), 127)
    const exit = (await read(missing))?.exit
    assert.equal(exit?.failure, 'cannot run /no/such/program: No such file or directory')
    assert.match(logOf(missing), /^atrium: cannot run \/no\/such\/program/)
    const elsewhere = await want(['true'], { workingDirectory: '/no/such/folder' })
    assert.equal(await ended(launch([elsewhere])), 127)
    assert.match((await read(elsewhere))?.exit?.failure ?? '', /working directory \/no\/such\/folder/)
  })

  test('an array’s task runs the job of its index, under its own id', async () => {
    const jobs = [await want(['echo', 'zero']), await want(['echo', 'one'])]
    const environment = { SLURM_JOB_ID: '9', SLURM_ARRAY_JOB_ID: '8', SLURM_ARRAY_TASK_ID: '1' }
    assert.equal(await ended(launch(jobs, { environment })), 0)
    assert.equal(logOf(jobs[1] ?? ''), 'one\n')
    assert.equal((await read(jobs[1] ?? ''))?.claimedBy, '8_1')
    assert.equal((await read(jobs[0] ?? ''))?.claimedBy, undefined)
  })

  test('a second job of Slurm for the same key ends by itself, the same one may run again', async () => {
    const job = await want(['echo', 'once more'])
    assert.equal(await ended(launch([job])), 0)
    assert.equal(await ended(launch([job], { environment: { SLURM_JOB_ID: '8' } })), 91)
    assert.equal(await ended(launch([job])), 0)
    assert.equal(logOf(job), 'once more\nonce more\n')
  })

  test('does not run what is not wanted, or of somebody else', async () => {
    assert.equal(await ended(launch([key])), 91)
    const job = await want(['true'])
    await placements.record(new Map([[job, { uid: uid + 1 }]]))
    assert.equal(await ended(launch([job])), 94)
  })

  test('does not write its output over a file of another, or through a link', async () => {
    const job = await want(['echo', 'hello'])
    const path = join(logs, `log-of-${job}`)
    const target = join(folder, 'precious')
    writeFileSync(target, 'precious')
    symlinkSync(target, path)
    assert.equal(await ended(launch([job])), 95)
    assert.equal(readFileSync(target, 'utf8'), 'precious')
    assert.match((await read(job))?.exit?.failure ?? '', /output cannot be written/)
  })

  test('believes nobody but the platform’s own user', async () => {
    const job = await want(['true'])
    assert.equal(await ended(launch([job], { options: ['--hub-uid', String(uid + 1)] })), 94)
    assert.equal(await ended(launch([job], { options: ['--hub-uid', String(uid)] })), 0)
  })

  test('gives the older part of a long output up', async () => {
    const script = `import sys, time
for i in range(3000): print('x' * 100)
print('the end', flush=True)
sys.stdin = open('${folder}/gate')
sys.stdin.read()`
    execFileSync('mkfifo', [join(folder, 'gate')])
    const job = await want(['python3', '-c', script])
    const launcher = launch([job])
    await waitFor('the log to be bounded', async () => (await read(job))?.logStart !== undefined)
    const start = (await read(job))?.logStart ?? 0
    assert.ok(start > 0)
    const kept = logOf(job).slice(start)
    assert.match(kept, /x\nthe end\n$/)
    writeFileSync(join(folder, 'gate'), '')
    assert.equal(await ended(launcher), 0)
  })

  test('asks until the control plane is there again', async () => {
    const job = await want(['true'])
    const { promise: asked, resolve } = Promise.withResolvers<void>()
    const away = createServer((socket) => {
      socket.destroy()
      resolve()
    })
    await once(away.listen(0, '127.0.0.1'), 'listening')
    const { port } = away.address() as AddressInfo
    const launcher = launch([job], { url: `http://127.0.0.1:${port}` })
    await asked
    await new Promise((closed) => away.close(closed))
    const back = await startNodeServer(door, { port })
    assert.equal(await ended(launcher), 0)
    await back.close()
  })

  test('tells again what the control plane did not take', async () => {
    let refusals = 2
    const busy = await startNodeServer({
      ...door,
      async report(request) {
        if (refusals-- > 0) throw new PlatformError('store_unavailable')
        await door.report(request)
      },
    })
    const job = await want(['sh', '-c', 'exit 4'])
    assert.equal(await ended(launch([job], { url: busy.url })), 4)
    assert.equal((await read(job))?.exit?.exitCode, 4)
    await busy.close()
  })

  test('says so when it cannot make sense of its job', async () => {
    const job = await want(['true'])
    const strange = await startNodeServer({
      ...door,
      async launch(request) {
        await door.launch(request)
        const answer = JSON.stringify({ key: job, claimant: '7', of: 'another version' })
        return createMunge({ socket: munge.socket }).encode(answer, { readerUid: uid })
      },
    })
    assert.notEqual(await ended(launch([job], { url: strange.url })), 0)
    assert.match((await read(job))?.exit?.failure ?? '', /its launcher failed: KeyError/)
    await strange.close()
  })

  test('talks TLS, to a platform whose certificate it can check alone', async () => {
    const tls = makeCertificate()
    const safe = await startNodeServer(door, { tls })
    const job = await want(['true'])
    const stranger = launch([job], { url: safe.url })
    const closed = once(safe.server, 'tlsClientError')
    await closed
    stranger.kill()
    assert.equal(await ended(stranger), 'SIGTERM')
    assert.equal((await read(job))?.claimedBy, undefined)
    const options = ['--ca', join(folder, 'platform.crt')]
    assert.equal(await ended(launch([job], { url: safe.url, options })), 0)
    await safe.close()
  })

  /** Signed by itself, for the address that tests use. */
  function makeCertificate(): { cert: string; key: string } {
    const files = { cert: join(folder, 'platform.crt'), key: join(folder, 'platform.key') }
    const subject = ['-subj', '/CN=platform', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2']
    const keys = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    execFileSync('openssl', ['req', '-x509', ...keys, '-keyout', files.key, '-out', files.cert, ...subject], {
      stdio: 'ignore',
    })
    return { cert: readFileSync(files.cert, 'utf8'), key: readFileSync(files.key, 'utf8') }
  }
})
