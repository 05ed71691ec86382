import assert from 'node:assert/strict'
import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { after, before, describe, test } from 'node:test'

import { waitFor } from '#platform/wait-for.ts'
import type { JobHandle } from '#scheduler/job.ts'

import { buildTestSpec, createLocalSite, expectAccepted, isRoot, type LocalSite } from './testing.ts'

/** A program that prints its arguments and `$OTHER`, and listens on these ports. */
function listenOn(...ports: string[]): [string, ...string[]] {
  const source = `
import os, socket, sys, time
doors = [socket.create_server(("127.0.0.1", int(port))) for port in sys.argv[1:]]
print(*sys.argv[1:], os.environ.get("OTHER", ""), flush=True)
time.sleep(1000)`
  return ['python3', '-c', source, ...ports]
}

describe('local scheduler', () => {
  let site: LocalSite
  before(async () => {
    site = await createLocalSite()
  })
  after(() => site.close())

  function waitForPorts(handle: JobHandle): Promise<Readonly<Record<string, number>>> {
    return waitFor('its endpoint', async () => {
      const observation = await site.observe(handle)
      return observation.state === 'running' && observation.endpoint?.ports
    })
  }

  async function waitForHint(key: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const off = site.scheduler.onChange((keys) => keys.includes(key) && resolve())
    await promise
    off()
  }

  test('runs a command and tells its exit status and output', async () => {
    const handle = await site.run(buildTestSpec('hello', ['sh', '-c', 'echo out; echo err >&2; exit 7']))
    const { exit } = await site.waitForEnd(handle)
    assert.deepEqual(
      { state: exit.state, exitCode: exit.exitCode, reason: exit.reason },
      { state: 'failed', exitCode: 7, reason: 'exit_status' },
    )
    assert.equal(await site.readLog(handle), 'out\nerr\n')
  })

  test('says why a command could not be started', async () => {
    const handle = await site.run(buildTestSpec('missing', ['/nothing/here']))
    const { exit } = await site.waitForEnd(handle)
    assert.equal(exit.reason, 'start_failed')
    assert.match(exit.message, /\/nothing\/here: No such file/)
    assert.match(await site.readLog(handle), /\/nothing\/here: No such file/)
  })

  test('answers the first job when a key is submitted again', async () => {
    const spec = buildTestSpec('again', ['sh', '-c', 'echo $$; exec sleep 1000'])
    const [first, second] = await Promise.all([site.run(spec), site.run(spec)])
    assert.deepEqual(first, second)
    await site.run({ ...spec, command: ['sh', '-c', 'echo other'] })
    await waitFor('output', () => site.readLog(first))
    assert.match(await site.readLog(first), /^\d+\n$/)
  })

  for (const key of ['../up', 'a\nb', 'x'.repeat(300), '$(x)', '', 'A', '-a', 'a/b', '.', 'é']) {
    test(`refuses the key ${JSON.stringify(key.slice(0, 20))} and goes on`, async () => {
      const [submission] = await site.scheduler.submit([buildTestSpec(key, ['true'])], {
        signal: site.signal,
      })
      assert.equal(submission?.outcome, 'rejected')
      assert.equal(submission?.outcome === 'rejected' && submission.reason, 'invalid_key')
      assert.equal(submission?.key, key)
    })
  }

  test('gives named ports in command and environment and reports them', async () => {
    const spec = buildTestSpec('ports', listenOn('{port:http}', '{port:other}'), {
      ports: ['http', 'other'],
      environment: { PATH: '/usr/bin:/bin', OTHER: 'p{port:other}' },
    })
    const handle = await site.run(spec)
    const { http, other } = await waitForPorts(handle)
    assert.notEqual(http, other)
    assert.equal(await waitFor('output', () => site.readLog(handle)), `${http} ${other} p${other}\n`)
  })

  test("never gives one live job's port to another", async () => {
    const specs = Array.from({ length: 40 }, (_, index) =>
      buildTestSpec(`port-${index}`, ['sh', '-c', 'echo {port:http}; exec sleep 1000'], { ports: ['http'] }),
    )
    const handles = (await site.scheduler.submit(specs, { signal: site.signal })).map((one) =>
      expectAccepted([one]),
    )
    const ports = await Promise.all(handles.map((handle) => waitFor('a port', () => site.readLog(handle))))
    assert.equal(new Set(ports).size, 40)
    await site.scheduler.cancel(handles, { graceMs: 0, signal: site.signal })
  })

  test("tells no endpoint while another user's program is on the port", {
    skip: isRoot ? false : 'needs root',
  }, async (t) => {
    const go = `/tmp/atrium-go-${process.pid}`
    t.after(() => rm(go, { force: true }))
    const handle = await site.run(
      buildTestSpec(
        'listens',
        [
          'sh',
          '-c',
          'echo {port:http}; until test -e $0; do sleep 0.01; done; exec "$@"',
          go,
          ...listenOn('{port:http}'),
        ],
        { ports: ['http'] },
      ),
    )
    const [port] = /\d+/.exec(await waitFor('its port', () => site.readLog(handle))) ?? []
    const thief = createServer().listen(Number(port), '127.0.0.1')
    t.after(() => thief.close())
    await once(thief, 'listening')
    // Once a later one is told, the agent has looked at this one too.
    const later = await site.run(buildTestSpec('listens-later', listenOn('{port:http}'), { ports: ['http'] }))
    await waitForPorts(later)
    const observation = await site.observe(handle)
    assert(observation.state === 'running')
    assert.equal(observation.endpoint, undefined)
    await new Promise((resolve) => thief.close(resolve))
    const hinted = waitForHint(handle.key)
    await writeFile(go, '')
    await hinted
    assert.deepEqual(await waitForPorts(handle), { http: Number(port) })
  })

  test('follows output from the first byte until the job has ended', async () => {
    const handle = await site.run(
      buildTestSpec('follow', ['sh', '-c', 'for i in 1 2 3 4 5; do echo $i; sleep 0.05; done']),
    )
    const chunks = await Array.fromAsync(site.scheduler.logs(handle, { follow: true, signal: site.signal }))
    assert.equal(Buffer.concat(chunks).toString(), '1\n2\n3\n4\n5\n')
    assert.equal((await site.observe(handle)).state, 'ended')
  })

  test('reads a log from an offset and from its tail', async () => {
    const handle = await site.run(buildTestSpec('tail', ['sh', '-c', 'printf 0123456789']))
    await site.waitForEnd(handle)
    const read = async (options: object) =>
      Buffer.concat(
        await Array.fromAsync(site.scheduler.logs(handle, { ...options, signal: site.signal })),
      ).toString()
    assert.equal(await read({ offset: 4 }), '456789')
    assert.equal(await read({ tailBytes: 3 }), '789')
    assert.equal(await read({ tailBytes: 300 }), '0123456789')
    assert.equal(await read({ offset: 400 }), '')
  })

  test('cancels every process of a job, daemons of other sessions too', async () => {
    const handle = await site.run(
      buildTestSpec('family', ['sh', '-c', 'setsid -f sleep 987654; sleep 987654 & sleep 987654']),
    )
    await waitFor('three processes', async () => (await countProcesses('987654')) === 3)
    await site.scheduler.cancel([handle], { graceMs: 5000, signal: site.signal })
    const { exit } = await site.waitForEnd(handle)
    assert.equal(exit.state, 'cancelled')
    assert.equal(await countProcesses('987654'), 0)
  })

  test('kills what ignores SIGTERM after the grace', async () => {
    const handle = await site.run(
      buildTestSpec('stubborn', ['sh', '-c', 'trap "" TERM; echo up; while :; do sleep 1; done']),
    )
    await waitFor('the trap', () => site.readLog(handle))
    await site.scheduler.cancel([handle], { graceMs: 50, signal: site.signal })
    assert.equal((await site.waitForEnd(handle)).exit.state, 'cancelled')
  })

  test('reaps what a job leaves behind when it ends by itself', async () => {
    const handle = await site.run(buildTestSpec('leaves', ['sh', '-c', 'setsid -f sleep 987653; exit 0']))
    assert.equal((await site.waitForEnd(handle)).exit.state, 'succeeded')
    assert.equal(await countProcesses('987653'), 0)
  })

  test('a stop at once after the start is not waited for to the end of its grace', async () => {
    const handle = await site.run(buildTestSpec('stopped-at-once', ['sleep', '1000']))
    await site.scheduler.cancel([handle], { graceMs: 300_000, signal: site.signal })
    assert.equal((await site.waitForEnd(handle)).exit.state, 'cancelled')
  })

  for (const [title, after, found] of [
    ['goes on', 'exec sleep 1000', 'kills'],
    ['ends with the status of what was killed', 'exit $?', 'out_of_memory'],
  ] as const) {
    test(`a program that is ended for want of memory is told of when the job ${title}`, async (t) => {
      const { cgroups } = await site.scheduler.status({ signal: site.signal })
      if (!cgroups.limits.memory) return t.skip(cgroups.why)
      const command = `python3 -c 'bytearray(300 << 20)'; ${after}`
      const handle = await site.run(
        buildTestSpec(`eater-${found.length}`, ['sh', '-c', command], {
          resources: { memoryBytes: 64 << 20 },
        }),
      )
      const said = await waitFor('a word', async () => {
        const seen = await site.observe(handle)
        return seen.state === 'ended'
          ? seen.exit.reason
          : seen.state === 'running' && seen.oomKills === 1 && 'kills'
      })
      assert.equal(said, found)
    })
  }

  test('a fork bomb has as many processes as a job may have, and no more', async (t) => {
    const { cgroups } = await site.scheduler.status({ signal: site.signal })
    if (!cgroups.limits.pids) return t.skip(cgroups.why)
    const bounded = site.connect({ jobProcesses: 20 })
    const bomb = `
import os, time
count = 1
try:
    while True:
        if os.fork() == 0: time.sleep(1000)
        count += 1
except OSError as error:
    print(count, error.strerror)`
    const submissions = await bounded.submit([buildTestSpec('bomb', ['python3', '-c', bomb])], {
      signal: site.signal,
    })
    const handle = expectAccepted(submissions)
    await site.waitForEnd(handle)
    assert.match(await site.readLog(handle), /^20 Resource temporarily unavailable/)
  })

  test('ends a job at its time limit', async () => {
    const handle = await site.run(buildTestSpec('limited', ['sleep', '1000'], { timeLimitMs: 50 }))
    const { exit } = await site.waitForEnd(handle)
    assert.deepEqual([exit.state, exit.reason], ['failed', 'time_limit'])
  })

  test('starts every task of a job with its index', async () => {
    const handle = await site.run(
      buildTestSpec('tasks', ['sh', '-c', 'echo $ATRIUM_TASK_INDEX/$ATRIUM_TASKS'], { tasks: 3 }),
    )
    await site.waitForEnd(handle)
    assert.deepEqual((await site.readLog(handle)).trim().split('\n').sort(), ['0/3', '1/3', '2/3'])
  })

  test('keeps secrets of the environment out of records, logs and command lines', async () => {
    const secret = 'do-not-write-this-down'
    const handle = await site.run(
      buildTestSpec('secret', ['sh', '-c', 'test -n "$TOKEN" && sleep 1000'], {
        environment: { PATH: '/usr/bin:/bin', TOKEN: secret },
      }),
    )
    const { execFileSync } = await import('node:child_process')
    assert.equal((await site.observe(handle)).state, 'running')
    const found = execFileSync('sh', ['-c', 'grep -rl -- "$0" "$1" || true', secret, site.dir]).toString()
    assert.equal(found, '')
    assert.doesNotMatch(execFileSync('ps', ['-eo', 'args']).toString(), new RegExp(secret))
  })

  test('forgets ended jobs and their output, never live ones', async () => {
    const ended = await site.run(buildTestSpec('forget-ended', ['true']))
    const live = await site.run(buildTestSpec('forget-live', ['sleep', '1000']))
    await site.waitForEnd(ended)
    await site.scheduler.forget([ended, live], { signal: site.signal })
    assert.equal((await site.observe(ended)).state, 'absent')
    assert.equal(await site.readLog(ended), '')
    assert.equal((await site.observe(live)).state, 'running')
  })
})

async function countProcesses(word: string): Promise<number> {
  const { execFileSync } = await import('node:child_process')
  const lines = execFileSync('ps', ['-eo', 'stat,args']).toString().split('\n')
  return lines.filter((line) => /^\S+\s+sleep /.test(line) && line.includes(word) && !line.startsWith('Z'))
    .length
}
