import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { waitFor } from '#platform/wait-for.ts'
import type { JobHandle } from '#scheduler/job.ts'

import { buildAgentCommand, type LocalSchedulerConfig } from './local-config.ts'
import { buildTestSpec, createLocalSite, expectAccepted, isAlive, isRoot, type LocalSite } from './testing.ts'

const day = 24 * 3_600_000
const needsRoot = isRoot ? false : 'needs root'

/** Gives `run` a site of its own and clears it away. */
async function withSite(
  options: Partial<LocalSchedulerConfig>,
  run: (site: LocalSite) => Promise<void>,
): Promise<void> {
  const site = await createLocalSite(options)
  try {
    await run(site)
  } finally {
    await site.close()
  }
}

async function killAgent(site: LocalSite): Promise<void> {
  const pid = await site.agentPid()
  process.kill(pid, 'SIGKILL')
  await waitFor('the agent to be gone', () => !isAlive(pid))
}

/** Lines the job appended to a file: how often it ran. */
async function countRuns(path: string): Promise<number> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return text.split('\n').length - 1
}

describe('the agent is killed while it starts a job', () => {
  for (const fault of ['forked', 'recorded', 'released']) {
    test(`at "${fault}": the same submission gives one job that runs once`, async () => {
      const marks = join('/tmp', `atrium-runs-${process.pid}-${fault}`)
      await writeFile(marks, '', { mode: 0o666 })
      execFileSync('chmod', ['666', marks])
      await withSite({ fault }, async (site) => {
        const spec = buildTestSpec('once', ['sh', '-c', `echo ran >> ${marks}; exec sleep 1000`])
        await assert.rejects(site.scheduler.submit([spec], { signal: site.signal }), {
          code: 'scheduler_unavailable',
        })
        delete site.config.fault
        const handle = await site.run(spec)
        await waitFor('the job to run', async () => (await countRuns(marks)) > 0)
        assert.equal((await site.observe(handle)).state, 'running')
        assert.equal((await site.scheduler.list({ signal: site.signal })).length, 1)
        await site.scheduler.cancel([handle], { graceMs: 0, signal: site.signal })
        await site.waitForEnd(handle)
        assert.equal(await countRuns(marks), 1)
      })
      await rm(marks)
    })
  }
})

test('a stop under way when the agent is killed is carried on by the next', async () => {
  await withSite({ fault: 'stopping' }, async (site) => {
    const handle = await site.run(
      buildTestSpec('stubborn', ['sh', '-c', 'trap "" TERM; while :; do sleep 1; done']),
    )
    await assert.rejects(site.scheduler.cancel([handle], { graceMs: 100, signal: site.signal }))
    delete site.config.fault
    assert.equal((await site.waitForEnd(handle)).exit.state, 'cancelled')
  })
})

test('an exit that the agent died over is still told, and told as it was where the kernel knows', async () => {
  await withSite({ fault: 'exited' }, async (site) => {
    const handle = await site.run(buildTestSpec('exits', ['sh', '-c', 'exit 3']))
    await waitFor('the agent to die', async () => {
      delete site.config.fault
      return (await site.observe(handle)).state === 'ended'
    })
    const { exit } = await site.waitForEnd(handle)
    assert.equal(exit.state, 'failed')
    assert.ok(['exit_status', 'not_observed'].includes(exit.reason), exit.reason)
  })
})

test('200 running jobs are adopted after the agent was killed, and their ends seen', async () => {
  await withSite({}, async (site) => {
    const specs = Array.from({ length: 200 }, (_, index) =>
      buildTestSpec(`many-${index}`, ['sleep', '1000'], { ports: ['http'] }),
    )
    const handles = (await site.scheduler.submit(specs, { signal: site.signal })).map((one) =>
      expectAccepted([one]),
    )
    const before = await site.scheduler.observe(handles, { signal: site.signal })
    await killAgent(site)
    const after = await site.scheduler.observe(handles, { signal: site.signal })
    for (const { key } of handles) {
      const [old, now] = [before.get(key), after.get(key)]
      assert(old?.state === 'running' && now?.state === 'running')
      assert.deepEqual([now.endpoint, now.startedAtMs], [old.endpoint, old.startedAtMs])
    }
    const [first, ...others] = handles as [JobHandle, ...JobHandle[]]
    await site.scheduler.cancel([first], { graceMs: 1000, signal: site.signal })
    assert.equal((await site.waitForEnd(first)).exit.state, 'cancelled')
    assert.equal((await site.scheduler.list({ signal: site.signal })).length, others.length)
  })
})

test('a job that ends while no agent lives is reported ended', async () => {
  await withSite({}, async (site) => {
    const handle = await site.run(buildTestSpec('alone', ['sh', '-c', 'echo $$; exec sleep 1000']))
    const pid = Number(await waitFor('its pid', () => site.readLog(handle)))
    await killAgent(site)
    process.kill(pid, 'SIGKILL')
    const { exit } = await site.waitForEnd(handle)
    assert.equal(exit.state, 'failed')
    assert.ok(['not_observed', 'exit_status'].includes(exit.reason), exit.reason)
  })
})

test("another program that has the job's process id now is neither adopted nor touched", async () => {
  await withSite({}, async (site) => {
    const handle = await site.run(buildTestSpec('reused', ['sh', '-c', 'echo $$; exec sleep 1000']))
    const pid = Number(await waitFor('its pid', () => site.readLog(handle)))
    await killAgent(site)
    process.kill(pid, 'SIGKILL')
    const stranger = spawn('sleep', ['1000'])
    const path = join(site.dir, 'jobs', 'reused', 'record.json')
    const record = JSON.parse(await readFile(path, 'utf8'))
    await writeFile(path, JSON.stringify({ ...record, pid: stranger.pid }))
    await site.waitForEnd(handle)
    assert.equal(stranger.exitCode, null)
    assert.ok(isAlive(stranger.pid ?? 0))
    stranger.kill()
    await once(stranger, 'exit')
  })
})

test('a record of another boot is of a job that is over', async () => {
  await withSite({}, async (site) => {
    const handle = await site.run(buildTestSpec('rebooted', ['sleep', '1000']))
    await killAgent(site)
    const path = join(site.dir, 'jobs', 'rebooted', 'record.json')
    const record = JSON.parse(await readFile(path, 'utf8'))
    await writeFile(path, JSON.stringify({ ...record, boot_id: 'another' }))
    assert.equal((await site.waitForEnd(handle)).exit.reason, 'not_observed')
  })
})

for (const [title, change] of [
  ['whose wall clock was set forward a day', ({ started_at_ms }) => ({ started_at_ms: started_at_ms - day })],
  ['of an earlier version', () => ({ started_boot_ms: undefined })],
] as [string, (record: { started_at_ms: number }) => object][]) {
  test(`a job with a time limit ${title} lives on, and its limit holds`, async () => {
    await withSite({}, async (site) => {
      const keys = ['long', 'short']
      const handles = [
        await site.run(buildTestSpec('long', ['sleep', '1000'], { timeLimitMs: 3_600_000 })),
        await site.run(buildTestSpec('short', ['sleep', '1000'], { timeLimitMs: 1500 })),
      ] as const
      await killAgent(site)
      for (const key of keys) {
        const path = join(site.dir, 'jobs', key, 'record.json')
        const record = JSON.parse(await readFile(path, 'utf8'))
        await writeFile(path, JSON.stringify({ ...record, ...change(record) }))
      }
      assert.equal((await site.waitForEnd(handles[1])).exit.reason, 'time_limit')
      assert.equal((await site.observe(handles[0])).state, 'running')
    })
  })
}

test('damaged records keep neither the agent nor other jobs from going on', async () => {
  await withSite({}, async (site) => {
    const handle = await site.run(buildTestSpec('sound', ['sleep', '1000']))
    const ended = await site.run(buildTestSpec('damaged', ['true']))
    await site.waitForEnd(ended)
    await killAgent(site)
    await writeFile(join(site.dir, 'jobs', 'damaged', 'record.json'), '{"key":"damaged","pid":')
    assert.equal((await site.observe(handle)).state, 'running')
  })
})

test('a second agent on the same data folder ends with a clear message', async () => {
  await withSite({}, async (site) => {
    await site.agentPid()
    const [program, ...args] = buildAgentCommand({ ...site.config, socketPath: join(site.dir, 'other.sock') })
    const second = spawn(program, args)
    let message = ''
    second.stderr.on('data', (chunk) => (message += chunk))
    const [code] = await once(second, 'close')
    assert.equal(code, 75)
    assert.match(message, /another agent is running/)
  })
})

test('what was asked of a hung agent is not carried out when it comes back', async () => {
  await withSite({ callTimeoutMs: 300 }, async (site) => {
    const handle = await site.run(buildTestSpec('hung', ['sleep', '1000']))
    const pid = await site.agentPid()
    process.kill(pid, 'SIGSTOP')
    try {
      await assert.rejects(site.scheduler.cancel([handle], { graceMs: 0, signal: site.signal }), {
        code: 'scheduler_unavailable',
      })
      const observation = await site.observe(handle)
      assert.equal(observation.state, 'unknown')
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    await waitFor('an answer', async () => (await site.observe(handle)).state === 'running')
  })
})

function listCommands(): string {
  return execFileSync('ps', ['-eo', 'args']).toString()
}

test('a full disk is a clear refusal, and nothing is left running', { skip: needsRoot }, async () => {
  const dir = `/tmp/atrium-full-${process.pid}`
  execFileSync('mkdir', [dir])
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k,mode=755', 'tmpfs', dir])
  try {
    await withSite({ dataDir: dir }, async (site) => {
      const handle = await site.run(buildTestSpec('before', ['sleep', '424241']))
      await waitFor('the job to run', async () => listCommands().includes('sleep 424241'))
      execFileSync('sh', ['-c', 'cat /dev/zero > "$0/filler" || true', dir], { stdio: 'ignore' })
      const [submission] = await site.scheduler.submit([buildTestSpec('full', ['sleep', '424242'])], {
        signal: site.signal,
      })
      assert(submission?.outcome === 'rejected')
      assert.equal(submission.reason, 'storage_full')
      assert.match(submission.message, /No space left/)
      assert.doesNotMatch(listCommands(), /^sleep 424242/m)
      await site.scheduler.cancel([handle], { graceMs: 1000, signal: site.signal })
      assert.equal((await site.waitForEnd(handle)).exit.state, 'cancelled')
      await rm(join(dir, 'filler'))
      await site.waitForEnd(await site.run(buildTestSpec('full', ['true'])))
    })
  } finally {
    execFileSync('umount', [dir])
    execFileSync('rmdir', [dir])
  }
})

test('a log stays within its bound while its reader goes on', async () => {
  await withSite({ jobLogLimitBytes: 1 << 20 }, async (site) => {
    const handle = await site.run(
      buildTestSpec('chatty', [
        'sh',
        '-c',
        'yes abcdefg | head -c 8000000; echo; echo last; exec sleep 1000',
      ]),
    )
    const path = join(site.dir, 'jobs', 'chatty', 'log')
    await waitFor(
      'the log to be trimmed',
      async () => (await stat(path)).blocks * 512 < 2 << 20 && (await stat(path)).size >= 8_000_000,
    )
    const text = await site.readLog(handle)
    assert.ok(text.length <= 1 << 20 && text.endsWith('last\n'), String(text.length))
    assert.ok(!text.includes('\0'))
  })
})

test('users without rights cannot ask the agent anything', { skip: needsRoot }, async () => {
  await withSite({}, async (site) => {
    await site.agentPid()
    execFileSync('chmod', ['777', site.dir, site.config.socketPath])
    const ask =
      'import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); ' + 'print(s.recv(10))'
    const output = execFileSync(site.config.python, ['-c', ask, site.config.socketPath], {
      uid: 54321,
      gid: 54321,
    })
    assert.equal(output.toString(), "b''\n")
  })
})

test('no job runs as root', { skip: needsRoot }, async () => {
  await withSite({}, async (site) => {
    const spec = buildTestSpec('rooted', ['id'])
    for (const owner of [
      { ...spec.owner, uid: 0 },
      { ...spec.owner, gid: 0 },
      { ...spec.owner, gids: [0] },
      { name: 'x', login: 'x', home: '/' },
    ]) {
      const [submission] = await site.scheduler.submit([{ ...spec, owner }], { signal: site.signal })
      assert.equal(submission?.outcome, 'rejected')
    }
  })
})
