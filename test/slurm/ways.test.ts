import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'

import { isPlatformError } from '@atrium/contract/errors.ts'
import { systemClock } from '@atrium/server/platform/clock.ts'
import { createSilentLogger } from '@atrium/server/platform/log.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'
import { createCommandClient } from '@atrium/server/scheduler/drivers/slurm/command-client.ts'
import { createFallbackClient } from '@atrium/server/scheduler/drivers/slurm/fallback-client.ts'
import { createOwnerCommands } from '@atrium/server/scheduler/drivers/slurm/helper-call.ts'
import { createFileTokens, createMintedTokens } from '@atrium/server/scheduler/drivers/slurm/rest-token.ts'
import {
  type SlurmClient,
  type SlurmJob,
  SlurmRefusal,
  type SlurmSubmission,
} from '@atrium/server/scheduler/drivers/slurm/slurm-client.ts'

import { getUnixAccount } from './accounts.ts'
import type { SlurmCluster } from './cluster.ts'
import { openRestWay } from './rest-way.ts'
import { openSharedSlurmCluster, slurmSkipReason } from './shared-cluster.ts'

const wait = { signal: AbortSignal.timeout(300_000) }
const timeoutMs = 20_000
/** Runs until it is ended, and does not want to be. */
const program = `import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
time.sleep(600)
`

describe('Slurm by REST and by commands', { skip: slurmSkipReason }, () => {
  let cluster: SlurmCluster
  let folder = ''
  let commands: SlurmClient
  let rest: SlurmClient
  let ways: readonly [string, SlurmClient][]

  before(() => {
    cluster = openSharedSlurmCluster()
    folder = mkdtempSync(join(cluster.dir, 'ways-'))
    chmodSync(folder, 0o755)
    mkdirSync(join(folder, 'atrium_node'))
    writeFileSync(join(folder, 'atrium_node', '__main__.py'), program)
    writeFileSync(join(folder, 'helper.conf'), `slurm_conf = ${cluster.env.SLURM_CONF}\n`)
    const helper = join(import.meta.dirname, '..', '..', 'deploy', 'slurm', 'atrium-slurm-helper')
    commands = createCommandClient(
      { configFile: cluster.env.SLURM_CONF, timeoutMs },
      createOwnerCommands({ argv: [helper, '--config', join(folder, 'helper.conf')], timeoutMs }),
    )
    rest = openRestWay(cluster)
    ways = [
      ['REST', rest],
      ['commands', commands],
    ]
  })
  afterEach(async () => {
    await cluster.as('alice', 'scancel', ['--signal=KILL', '--batch', '--user=alice'])
    await cluster.as('alice', 'scancel', ['--user=alice'])
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  function buildSubmission(changes: Partial<SlurmSubmission> = {}): SlurmSubmission {
    const arraySize = changes.arraySize ?? 1
    const keys = Array.from(
      { length: arraySize },
      (_, index) => `server-${randomBytes(6).toString('hex')}-${index}`,
    )
    const { uid, gid } = getUnixAccount('alice')
    return {
      owner: { login: 'alice', uid, gid },
      name: 'atrium-server',
      comment: `atrium ways ${keys.join(' ')}`,
      command: [
        ...['/usr/bin/python3', '-I', '-S', join(folder, 'atrium_node'), 'slurm_job'],
        ...['--url', 'http://127.0.0.1:1', ...keys],
      ],
      arraySize,
      tasks: 1,
      memoryMiB: 50,
      exclusive: false,
      ...changes,
    }
  }

  async function findJobs(client: SlurmClient, id: number): Promise<readonly SlurmJob[]> {
    const jobs = await client.listJobs(wait)
    return jobs
      .filter(({ ref }) => ref.split('_')[0] === String(id))
      .toSorted((a, b) => a.ref.localeCompare(b.ref, 'en', { numeric: true }))
  }

  async function waitForState(id: number, state: string): Promise<void> {
    await waitFor(`job ${id} is ${state}`, async () =>
      (await findJobs(commands, id)).every(({ states }) => states[0] === state && states.length === 1),
    )
  }

  test('both tell the same of running, waiting and ended jobs, of nodes and of the version', async () => {
    const array = await commands.submit(
      buildSubmission({ arraySize: 8, cpusPerTask: 1, timeLimit: 30, memoryMiB: 100 }),
      wait,
    )
    await waitFor('some tasks run, others wait', async () => {
      const states = (await findJobs(commands, array)).map(({ states: [state] }) => state)
      return states.filter((state) => state === 'RUNNING').length === 6 && states.includes('PENDING')
    })
    const broken = buildSubmission({
      command: ['/usr/bin/python3', '-I', '-S', join(folder, 'absent'), 'slurm_job'],
    })
    const failing = await rest.submit({ ...broken, partition: 'main' }, wait)
    await commands.cancel(broken.owner, [`${array}_7`, `${array}_0`], { ...wait, how: 'kill' })
    await waitFor('the broken one has failed', async () => {
      const [job] = await findJobs(commands, failing)
      return job?.states[0] === 'FAILED' && job.states.length === 1
    })
    await waitFor('both see the same', async () => {
      const [a, b] = [await findJobs(rest, array), await findJobs(commands, array)]
      return JSON.stringify(a.map(({ states }) => states)) === JSON.stringify(b.map(({ states }) => states))
    })
    assert.deepEqual(await findJobs(rest, array), await findJobs(commands, array))
    assert.deepEqual(await findJobs(rest, failing), await findJobs(commands, failing))
    assert.equal((await findJobs(rest, failing))[0]?.exitCode, 2)
    assert.deepEqual(await rest.listNodes(wait), await commands.listNodes(wait))
    assert.equal(await rest.version(wait), await commands.version(wait))
  })

  test('both tell the same of what only accounting knows', async () => {
    const submission = buildSubmission({ arraySize: 2, memoryMiB: 60, cpusPerTask: 2 })
    const id = await rest.submit(submission, wait)
    await waitForState(id, 'RUNNING')
    await rest.cancel(submission.owner, [`${id}_1`], { ...wait, how: 'end' })
    await commands.cancel(submission.owner, [`${id}_0`], { ...wait, how: 'kill' })
    const refs = [`${id}_0`, `${id}_1`, '999999']
    // The killed one is `FAILED` when its end is told before it is cancelled.
    await waitFor('accounting has both ends', async () => {
      const ended = await commands.listEnded(refs, wait)
      const over = ['CANCELLED', 'FAILED']
      return ended.length === 2 && ended.every(({ states: [state] }) => over.includes(state))
    })
    const byRef = (jobs: readonly SlurmJob[]) =>
      jobs
        .map(({ name: _name, gid: _gid, ...job }) => ({
          ...job,
          tres: job.tres
            .split(',')
            .filter((part) => !/^energy/.test(part))
            .sort(),
        }))
        .toSorted((a, b) => a.ref.localeCompare(b.ref))
    assert.deepEqual(byRef(await rest.listEnded(refs, wait)), byRef(await commands.listEnded(refs, wait)))
  })

  test('what is asked for is what Slurm is asked for, both ways', async () => {
    for (const [name, client] of ways) {
      const submission = buildSubmission({
        ...{ tasks: 2, nodes: 2, cpusPerTask: 1, memoryMiB: 120, exclusive: true, timeLimit: 17 },
        ...{ partition: 'main', account: 'physics', qos: 'normal' },
      })
      const id = await client.submit(submission, wait)
      const { stdout } = await cluster.as('alice', 'scontrol', ['--oneliner', 'show', 'job', String(id)])
      for (const part of [
        ...['UserId=alice(2001)', 'JobName=atrium-server', 'Account=physics', 'QOS=normal', 'Requeue=0'],
        ...[
          'TimeLimit=00:17:00',
          'Partition=main',
          'NumNodes=2',
          'NumTasks=2',
          'CPUs/Task=1',
          'MinMemoryNode=120M',
        ],
        ...['OverSubscribe=NO', 'WorkDir=/ ', 'StdErr=/dev/null', 'StdIn=/dev/null', 'StdOut=/dev/null'],
        `Comment=${submission.comment}`,
      ]) {
        assert.ok(stdout.includes(part), `${name}: ${part} is not in ${stdout}`)
      }
      // The cluster has one GPU.
      const tasks = { tasks: 1, cpusPerTask: 2, memoryPerCpuMiB: 70, gpusPerTask: 'test:1' }
      const { memoryMiB: _, ...byTask } = buildSubmission(tasks)
      const several = await client.submit(byTask, wait)
      const shown = await cluster.as('alice', 'scontrol', ['--oneliner', 'show', 'job', String(several)])
      for (const part of ['MinMemoryCPU=70M', 'TresPerTask=gres:gpu:test:1']) {
        assert.ok(shown.stdout.includes(part), `${name}: ${part} is not in ${shown.stdout}`)
      }
      const gpu = await client.submit(buildSubmission({ gres: 'gpu:1' }), wait)
      const told = await cluster.as('alice', 'scontrol', ['--oneliner', 'show', 'job', String(gpu)])
      assert.match(told.stdout, /TresPerNode=gres:gpu:1/, name)
    }
  })

  test("Slurm's no is a refusal, both ways; another's job is not ended", async () => {
    const id = await rest.submit(buildSubmission(), wait)
    const { uid, gid } = getUnixAccount('bob')
    const bob = { login: 'bob', uid, gid }
    for (const [name, client] of ways) {
      const isRefusal = (error: unknown) =>
        error instanceof SlurmRefusal && /qos|partition|denied/i.test(error.message)
      await assert.rejects(client.submit(buildSubmission({ qos: 'nope' }), wait), isRefusal, name)
      await assert.rejects(client.submit(buildSubmission({ partition: 'nope' }), wait), isRefusal, name)
      await assert.rejects(client.cancel(bob, [String(id)], { ...wait, how: 'end' }), isRefusal, name)
      await client.cancel(bob, ['999999'], { ...wait, how: 'end' })
    }
  })

  test('a program that does not want to end is killed by the helper', async () => {
    const submission = buildSubmission()
    const id = await commands.submit(submission, wait)
    await waitForState(id, 'RUNNING')
    await commands.cancel(submission.owner, [String(id)], { ...wait, how: 'kill' })
    await waitFor('it has ended', async () => {
      const [job] = await findJobs(commands, id)
      return job?.states.every((state) => state === 'CANCELLED' || state === 'FAILED') === true
    })
  })

  test('slurmrestd gone: the commands take over, until it is back', async () => {
    const client = createFallbackClient({
      rest,
      commands,
      clock: systemClock,
      log: createSilentLogger(),
      pauseMs: 0,
    })
    await cluster.daemon('slurmrestd').kill()
    try {
      const submission = buildSubmission()
      const id = await client.submit(submission, wait)
      assert.equal((await findJobs(client, id)).length, 1)
      await client.cancel(submission.owner, [String(id)], { ...wait, how: 'end' })
      await assert.rejects(rest.listJobs(wait), isUnavailable(/ECONNREFUSED/))
    } finally {
      await cluster.daemon('slurmrestd').start()
    }
    assert.ok(Array.isArray(await rest.listJobs(wait)))
  })

  test('a wrong key: Slurm is not asked, and the message says where to look', async () => {
    const keyFile = join(folder, 'wrong.key')
    writeFileSync(keyFile, randomBytes(32), { mode: 0o600 })
    const stranger = openRestWay(cluster, createMintedTokens({ keyFile, clock: systemClock }))
    await assert.rejects(stranger.listJobs(wait), isUnavailable(/wrong\.key.*jwt_key=/))
    await assert.rejects(stranger.submit(buildSubmission(), wait), isUnavailable(/wrong\.key/))
    await assert.rejects(stranger.listEnded(['1'], wait), isUnavailable(/wrong\.key/))
  })

  test('an expired token is followed by a new one', async () => {
    const tokenFile = join(folder, 'token')
    const put = (token: string) => {
      writeFileSync(`${tokenFile}.new`, token)
      renameSync(`${tokenFile}.new`, tokenFile)
    }
    put(cluster.token('slurm', -10))
    const client = openRestWay(cluster, createFileTokens({ tokenFile }))
    await assert.rejects(client.listJobs(wait), isUnavailable(/has the token in .* expired/))
    put(cluster.token('slurm'))
    assert.ok(Array.isArray(await client.listJobs(wait)))
    // SlurmUser's token is good for everybody: the job is alice's all the same.
    const id = await client.submit(buildSubmission(), wait)
    assert.equal((await findJobs(client, id))[0]?.login, 'alice')
    const late = { ...systemClock, now: () => Date.now() - 3_600_000 }
    let offset = true
    const clock = { ...systemClock, now: () => (offset ? late.now() : Date.now()) }
    const minted = openRestWay(cluster, createMintedTokens({ keyFile: cluster.jwtKeyPath, clock }))
    await assert.rejects(minted.listJobs(wait), isUnavailable(/are the clocks right/))
    offset = false
    assert.ok(Array.isArray(await minted.listJobs(wait)))
  })
})

function isUnavailable(pattern: RegExp): (error: unknown) => boolean {
  return (error) => isPlatformError(error, 'scheduler_unavailable') && pattern.test(error.message)
}
