import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { chmod, chown, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { waitFor } from '#platform/wait-for.ts'
import type { JobHandle, JobSpec } from '#scheduler/job.ts'

import { buildTestEnvironment, buildTestSpec, createLocalSite, isRoot, type LocalSite } from './testing.ts'

const entry = 'atrium_probe:main'
const needsRoot = isRoot ? false : 'needs root'

/** Looks for a text in all memory that its process can read. It is given backwards, so that looking for it does not put it there. */
const scanner = `
import ctypes, re, sys

def main():
    copies = []
    for line in open("/proc/self/maps").read().splitlines():
        start, end, mode, name = re.match(r"(\\w+)-(\\w+) (\\S+) \\S+ \\S+ \\S+ *(.*)", line).groups()
        if mode.startswith("rw") and "[v" not in name:
            copies.append(ctypes.string_at(int(start, 16), int(end, 16) - int(start, 16)))
    text = sys.argv[1][::-1].encode()
    print("found" if any(text in copy for copy in copies) else "not found")
`

/** A fork server of a user's own making: says that it is ready and then does with the first job what it likes. */
const buildHostilePython = (act: string) => `#!/usr/bin/python3
import json, os, socket, time
door = socket.socket(fileno=3)
say = lambda message: door.send(json.dumps(message).encode())
say({"state": "ready", "modules": 0, "loadMs": 0, "missing": []})
data, fds, _, _ = socket.recv_fds(door, 65536, 8)
request = json.loads(data)
${act}
time.sleep(1000)
`

describe('what warm starts must not give away', () => {
  let site: LocalSite
  let count = 0
  before(async () => {
    site = await createLocalSite()
    await chmod(site.dir, 0o755)
  })
  after(async () => {
    const name = await stat(site.dir).then(({ dev, ino }) => `atrium-${dev.toString(16)}-${ino.toString(16)}`)
    await site.close()
    assert.deepEqual(globSync(`/sys/fs/cgroup/**/${name}`), [], 'control groups are left')
  })

  async function load(prefix: string, owner?: JobSpec['owner']): Promise<void> {
    if (owner === undefined) await site.scheduler.preload(prefix, { entry, signal: site.signal })
    else await site.waitForEnd(await site.run(spec(prefix, ['true'])))
    await waitFor('the environment to be loaded', async () => {
      const { warm } = await site.scheduler.status({ signal: site.signal })
      const found = warm.find((each) => each.prefix === prefix)
      if (found?.state === 'failed') throw new Error(found.reason)
      return found?.state === 'ready'
    })
  }

  function spec(prefix: string, command: [string, ...string[]], changes: Partial<JobSpec> = {}): JobSpec {
    return buildTestSpec(`guarded-${++count}`, command, { warm: { prefix, entry }, ...changes })
  }

  async function warmth({ key }: JobHandle): Promise<{ used: boolean; reason?: string }> {
    return JSON.parse(await readFile(join(site.dir, 'jobs', key, 'record.json'), 'utf8')).warm
  }

  /** An environment of the ordinary user whose interpreter is a program of the test. */
  async function buildHostile(name: string, act: string): Promise<string> {
    const prefix = join(site.dir, name)
    await mkdir(join(prefix, 'bin'), { recursive: true })
    await writeFile(join(prefix, 'bin', 'python'), buildHostilePython(act), { mode: 0o755 })
    const { uid = 0 } = buildTestSpec('any', ['true']).owner
    for (const path of [prefix, join(prefix, 'bin'), join(prefix, 'bin', 'python')])
      await chown(path, uid, uid)
    return prefix
  }

  test('secrets of one job are nowhere in the memory of the next', async () => {
    const prefix = join(site.dir, 'env')
    await buildTestEnvironment(prefix, { atrium_probe: scanner })
    await load(prefix)
    const secret = 'a-token-of-somebody-else-4711'
    const backwards = [...secret].reverse().join('')
    const probe = join(prefix, 'bin', 'probe')
    const environment = { PATH: '/usr/bin:/bin', TOKEN: secret }
    const scans = [spec(prefix, [probe, backwards], { environment })]
    for (let round = 0; round < 3; round++) scans.push(spec(prefix, [probe, backwards]))
    const found: string[] = []
    for (const scan of scans) {
      const handle = await site.run(scan)
      await site.waitForEnd(handle)
      assert.deepEqual(await warmth(handle), { used: true })
      found.push((await site.readLog(handle)).trim())
    }
    assert.deepEqual(found, ['found', 'not found', 'not found', 'not found'])
  })

  test("a fork server that names a process of somebody else's has no power over it", {
    skip: needsRoot,
  }, async () => {
    const victim = spawn('sleep', ['1000'], { uid: 12345, gid: 12345 })
    const act = `say({"id": request["id"], "pid": ${victim.pid}})`
    const prefix = await buildHostile('names-others', act)
    await load(prefix, buildTestSpec('any', ['true']).owner)
    const handle = await site.run(spec(prefix, ['sh', '-c', 'echo ran; exec sleep 1000']))
    assert.match((await warmth(handle)).reason ?? '', /not of its making/)
    await waitFor('the job to run', () => site.readLog(handle))
    await site.scheduler.cancel([handle], { graceMs: 0, signal: site.signal })
    assert.equal((await site.waitForEnd(handle)).exit.state, 'cancelled')
    const groups = execFileSync('cat', [`/proc/${victim.pid}/cgroup`]).toString()
    assert.doesNotMatch(groups, /guarded/)
    assert.deepEqual([victim.exitCode, victim.signalCode], [null, null])
    victim.kill('SIGKILL')
  })

  test('as root, no module is loaded from a file of another user, however deep it lies', {
    skip: needsRoot,
  }, async () => {
    const prefix = join(site.dir, 'deep-env')
    const trace = join(site.dir, 'traces', 'loaded-by')
    await mkdir(dirname(trace))
    await chmod(dirname(trace), 0o777)
    await buildTestEnvironment(prefix, {
      atrium_probe: 'import os, deep.inner\ndef main(): print("ran as", os.getuid())',
    })
    const packages = execFileSync('sh', ['-c', `echo ${prefix}/lib/python3*/site-packages`])
      .toString()
      .trim()
    await mkdir(join(packages, 'deep'))
    await writeFile(
      join(packages, 'deep', 'inner.py'),
      `import os; open("${trace}." + str(os.getuid()), "w")`,
    )
    await chown(join(packages, 'deep', 'inner.py'), 12345, 12345)
    await assert.rejects(load(prefix), /inner.py belongs to uid 12345/)
    await assert.rejects(readFile(`${trace}.0`), { code: 'ENOENT' })
    const handle = await site.run(spec(prefix, [join(prefix, 'bin', 'probe')]))
    const { uid } = buildTestSpec('any', ['true']).owner
    await site.waitForEnd(handle)
    assert.equal(await site.readLog(handle), `ran as ${uid}\n`)
    assert.match((await warmth(handle)).reason ?? '', /belongs to uid 12345/)
  })

  test("a user's own build and its jobs stay within control groups, each its own", {
    skip: needsRoot,
  }, async (t) => {
    const { cgroups } = await site.scheduler.status({ signal: site.signal })
    if (cgroups.mode === 'none') return t.skip(cgroups.why)
    const prefix = join(site.dir, 'own-env')
    await buildTestEnvironment(prefix, {
      atrium_probe:
        'GROUPS = open("/proc/self/cgroup").read()\ndef main(): print(GROUPS, open("/proc/self/cgroup").read())',
    })
    const { owner } = buildTestSpec('any', ['true'])
    execFileSync('chown', ['-R', `${owner.uid}:${owner.gid}`, prefix])
    await load(prefix, owner)
    const wanted = spec(prefix, [join(prefix, 'bin', 'probe')])
    const handle = await site.run(wanted)
    const { exit } = await site.waitForEnd(handle)
    const groups = await site.readLog(handle)
    assert.equal(exit.state, 'succeeded', groups)
    assert.deepEqual(await warmth(handle), { used: true })
    assert.match(groups, /job-warm-\d+\n/)
    assert.match(groups, new RegExp(`job-${wanted.key}\\n`))
  })

  test('a fork server that keeps a job to itself and gives no answer cannot keep it from running', {
    skip: needsRoot,
  }, async () => {
    const act = `
if os.fork() == 0:
    os.setsid()
    os.read(fds[0], 32)
    time.sleep(5)
    os._exit(0)`
    const prefix = await buildHostile('keeps-jobs', act)
    await load(prefix, buildTestSpec('any', ['true']).owner)
    const handle = await site.run(spec(prefix, ['echo', 'ran']))
    assert.equal((await site.waitForEnd(handle)).exit.state, 'succeeded')
    assert.equal(await site.readLog(handle), 'ran\n')
    assert.match((await warmth(handle)).reason ?? '', /no answer/)
  })
})
