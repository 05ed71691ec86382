import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'

import { testStoreKinds } from '#store/testing.ts'
import { buildAttemptKey } from './job-key.ts'
import type { Job, JobEvent } from './job-record.ts'
import {
  buildTestRequest,
  createTestPlatform,
  requestOne,
  stopOne,
  type TestPlatformOptions,
  until,
  untilState,
} from './testing.ts'

const wait: [string] = ['wait']
const server = { ports: ['http'] }
const ready = { port: 'http', path: '/api' }

for (const kind of testStoreKinds) {
  const setUp = async (t: TestContext, options?: TestPlatformOptions) => {
    const platform = await createTestPlatform(kind, options)
    t.after(platform.dispose)
    return platform
  }

  describe(`jobs on ${kind.kind}`, () => {
    test('a requested job runs and becomes ready once its probe is answered', async (t) => {
      const { open, clock } = await setUp(t)
      let answers = false
      const replica = await open({ isReady: async () => answers })
      const { key } = await requestOne(replica, buildTestRequest(wait, { policy: { ready }, spec: server }))
      const starting = await until('an endpoint', clock, async () => {
        const job = await replica.jobs.find(key)
        return job?.endpoint === undefined ? undefined : job
      })
      assert.equal(starting.state, 'starting')
      assert.equal(starting.readyAtMs, undefined)
      answers = true
      const running = await untilState(replica, clock, key, 'running')
      assert.ok(running.readyAtMs)
      assert.equal(running.node, 'node-1')
      assert.equal(running.desired, 'run')
    })

    test('a job without a probe is ready as soon as it runs', async (t) => {
      const { open, clock } = await setUp(t)
      const replica = await open()
      const { key } = await requestOne(replica, buildTestRequest(wait))
      assert.ok((await untilState(replica, clock, key, 'running')).readyAtMs)
    })

    test('many are wanted together, each once, or none of them', async (t) => {
      const { open, clock } = await setUp(t, { limits: { platform: { cpu: 2 } } })
      const replica = await open()
      const { store, jobs } = replica
      const known = await requestOne(replica, buildTestRequest(wait))
      const many = [{ ...buildTestRequest(wait), key: known.key }]
      for (let index = 0; index < 700; index++)
        many.push({ ...buildTestRequest(wait), key: `batch-${index}` })
      const wanted = await store.transaction((tx) => jobs.requestMany(tx, many))
      assert.deepEqual(
        wanted.map(({ key }) => key),
        many.map(({ key }) => key),
      )
      assert.equal((await jobs.list({})).length, 701)
      await untilState(replica, clock, 'batch-699', 'running')
      const tooLarge = buildTestRequest(wait, { spec: { resources: { cpu: 3 } } })
      await assert.rejects(
        store.transaction((tx) => jobs.requestMany(tx, [buildTestRequest(wait), tooLarge])),
        { code: 'quota_exceeded' },
      )
      assert.equal((await jobs.list({})).length, 701)
    })

    test('a request is nothing until its transaction commits', async (t) => {
      const { open, world } = await setUp(t)
      const replica = await open()
      await assert.rejects(
        replica.store.transaction(async (tx) => {
          await replica.jobs.request(tx, buildTestRequest(wait))
          throw new Error('no')
        }),
        /no/,
      )
      assert.deepEqual(await replica.jobs.list({}), [])
      assert.deepEqual(world.listRuns(), [])
    })

    test('the same key requested again is the same job', async (t) => {
      const { open, clock, world } = await setUp(t)
      const replica = await open()
      const request = buildTestRequest(wait, { key: 'server-mine' })
      const first = await requestOne(replica, request)
      assert.equal((await requestOne(replica, request)).requestedAtMs, first.requestedAtMs)
      await untilState(replica, clock, 'server-mine', 'running')
      assert.equal(world.listRuns().length, 1)
    })

    test('a request for a scheduler that is not configured is refused', async (t) => {
      const replica = await (await setUp(t)).open()
      await assert.rejects(requestOne(replica, buildTestRequest(wait, { driver: 'slurm' })), {
        code: 'bad_request',
      })
    })

    test('jobs of a scheduler that is not configured any more say so, and go on when it is again', async (t) => {
      const { open, clock, world } = await setUp(t)
      const first = await open()
      const { key: running } = await requestOne(first, buildTestRequest(wait))
      await untilState(first, clock, running, 'running')
      first.kill()
      const { key: queued } = await requestOne(first, buildTestRequest(wait))
      const without = await open({ schedulers: {} })
      assert.match((await untilState(without, clock, running, 'unknown')).message ?? '', /named memory/)
      await until('a reason', clock, async () => (await without.jobs.find(queued))?.reason === 'no_scheduler')
      without.kill()
      const again = await open()
      await untilState(again, clock, running, 'running')
      await untilState(again, clock, queued, 'running')
      assert.equal(world.countStarts(buildAttemptKey(running, 1)), 1)
    })

    test('a stopped job is cancelled with the reason of who stopped it', async (t) => {
      const { open, clock, world } = await setUp(t)
      const replica = await open()
      const { key } = await requestOne(replica, buildTestRequest(wait))
      await untilState(replica, clock, key, 'running')
      const why = { reason: 'idle', message: 'It was idle for an hour.' }
      await replica.store.transaction((tx) => replica.jobs.requestStop(tx, [key], why))
      assert.equal((await replica.jobs.find(key))?.state, 'stopping')
      const job = await untilState(replica, clock, key, 'cancelled')
      assert.deepEqual({ reason: job.reason, message: job.message }, why)
      assert.equal(job.endpoint, undefined)
      assert.deepEqual(await replica.jobs.quotas.list(), [])
      assert.equal(world.listRuns()[0]?.state, 'ended')
      await stopOne(replica, key)
      assert.deepEqual(await replica.jobs.find(key), job)
    })

    test('a job that takes no notice of its stop is ended by force after its grace', async (t) => {
      const { open, clock } = await setUp(t)
      const replica = await open()
      const request = buildTestRequest(['stubborn'], { policy: { graceMs: 3000 } })
      const { key } = await requestOne(replica, request)
      await untilState(replica, clock, key, 'running')
      const stoppedMs = clock.monotonic()
      await stopOne(replica, key)
      await untilState(replica, clock, key, 'cancelled')
      assert.ok(clock.monotonic() - stoppedMs >= 3000)
    })

    test('a cancel that the scheduler ignored is repeated until it works', async (t) => {
      const { open, clock, world } = await setUp(t)
      const replica = await open()
      const { key } = await requestOne(replica, buildTestRequest(wait, { policy: { graceMs: 1000 } }))
      await untilState(replica, clock, key, 'running')
      world.controls.ignoresCancel = true
      await stopOne(replica, key)
      await clock.advance(5000)
      assert.equal((await replica.jobs.find(key))?.state, 'stopping')
      world.controls.ignoresCancel = false
      await untilState(replica, clock, key, 'cancelled')
    })

    test('a failed job keeps its cause: status, reason, sentence and last lines', async (t) => {
      const { open, clock } = await setUp(t)
      const replica = await open()
      const { key } = await requestOne(replica, buildTestRequest(['fail', '3']))
      const job = await untilState(replica, clock, key, 'failed')
      assert.equal(job.exitCode, 3)
      assert.equal(job.reason, 'exit_status')
      assert.match(job.message ?? '', /status 3/)
      assert.equal(job.logTail, 'about to fail')
      assert.deepEqual(await replica.jobs.quotas.list(), [])
    })

    test('the cause of a failure is recorded without waiting for any tick', async (t) => {
      const { open, clock, world } = await setUp(t)
      const replica = await open()
      const { key } = await requestOne(replica, buildTestRequest(wait))
      await untilState(replica, clock, key, 'running')
      world.end(buildAttemptKey(key, 1), { state: 'failed', reason: 'exit_status', message: 'Ouch.' })
      const nowMs = clock.now()
      await replica.jobs.waitFor(key, (job) => job.state === 'failed', { signal: t.signal })
      assert.equal(clock.now(), nowMs)
    })

    test('nothing waits for a tick: not a start, not a stop, not the next in line', async (t) => {
      const { open, clock } = await setUp(t, { limits: { platform: { servers: 1 } } })
      const replica = await open()
      const { key: settled } = await requestOne(replica, buildTestRequest(wait))
      await untilState(replica, clock, settled, 'running')
      await stopOne(replica, settled)
      await untilState(replica, clock, settled, 'cancelled')
      await clock.advance(1000)
      const nowMs = clock.monotonic()
      const reach = (key: string, state: Job['state']) =>
        replica.jobs.waitFor(key, (job) => job.state === state, { signal: t.signal })
      const { key: first } = await requestOne(
        replica,
        buildTestRequest(wait, { policy: { ready }, spec: server }),
      )
      const { key: second } = await requestOne(replica, buildTestRequest(wait))
      await reach(first, 'running')
      await stopOne(replica, first)
      await reach(first, 'cancelled')
      await reach(second, 'running')
      assert.equal(clock.monotonic(), nowMs)
    })

    test('secrets reach the job, and no record, log tail or listing', async (t) => {
      const { open, clock } = await setUp(t)
      const replica = await open()
      const request = buildTestRequest(['context'], { secrets: { TOKEN: 'open-sesame' } })
      const { key } = await requestOne(replica, request)
      const waiting = await replica.store.db.selectFrom('jobs').selectAll().execute()
      assert.ok(!JSON.stringify(waiting).includes('open-sesame'))
      await untilState(replica, clock, key, 'succeeded')
      const [chunk] = await Array.fromAsync(replica.jobs.logs(key, { signal: t.signal }))
      assert.match(String(Buffer.from(chunk ?? [])), /open-sesame/)
      const rows = await replica.store.db.selectFrom('jobs').selectAll().execute()
      assert.equal(rows[0]?.secrets, null)
    })

    test('secrets are blotted out of the last lines of a failure', async (t) => {
      const programs = {
        leak(process: {
          environment: Readonly<Record<string, string>>
          print(text: string): void
          exit(code: number): void
        }) {
          process.print(`bad token ${process.environment['TOKEN']}\n`)
          process.exit(1)
        },
      }
      const { open, clock } = await setUp(t, { world: { programs } })
      const replica = await open()
      const request = buildTestRequest(['leak'], { secrets: { TOKEN: 'open-sesame' } })
      const { key } = await requestOne(replica, request)
      assert.equal((await untilState(replica, clock, key, 'failed')).logTail, 'bad token ***')
    })

    test('a start that fails before it is ready is tried again, as often as allowed', async (t) => {
      const { open, clock, world } = await setUp(t)
      const replica = await open()
      const policy = { ready, startRetries: 2 }
      const { key } = await requestOne(replica, buildTestRequest(['fail', '1'], { policy, spec: server }))
      const job = await untilState(replica, clock, key, 'failed')
      assert.equal(job.attempts, 3)
      assert.equal(world.listRuns().length, 3)
      assert.deepEqual(await replica.jobs.quotas.list(), [])
    })

    test('an answer of a start that is over by now does not make the next one ready', async (t) => {
      const { open, clock, world } = await setUp(t)
      let answers = true
      const key = 'server-again'
      const replica = await open({
        isReady: async () => answers,
        async reach(point) {
          if (point !== 'before-store-ready' || !answers) return
          answers = false
          world.end(buildAttemptKey(key, 1), { state: 'failed', reason: 'exit_status', message: 'Ouch.' })
          await until('the next start', clock, async () => {
            const job = await replica.jobs.find(key)
            return job?.attempts === 2 && job.endpoint !== undefined
          })
        },
      })
      const policy = { ready, startRetries: 1 }
      await requestOne(replica, buildTestRequest(wait, { key, policy, spec: server }))
      await until('the next start', clock, async () => (await replica.jobs.find(key))?.attempts === 2)
      await until('its endpoint', clock, async () => (await replica.jobs.find(key))?.endpoint !== undefined)
      await clock.advance(1000)
      assert.equal((await replica.jobs.find(key))?.readyAtMs, undefined)
      answers = true
      await untilState(replica, clock, key, 'running')
    })

    test('a job that was ready is not started again when it fails', async (t) => {
      const { open, clock, world } = await setUp(t)
      const replica = await open()
      const { key } = await requestOne(replica, buildTestRequest(wait, { policy: { startRetries: 5 } }))
      await untilState(replica, clock, key, 'running')
      world.end(buildAttemptKey(key, 1), { state: 'failed', reason: 'exit_status', message: 'Ouch.' })
      assert.equal((await untilState(replica, clock, key, 'failed')).attempts, 1)
    })

    test('a rejected job failed with the words of the scheduler and is not tried again', async (t) => {
      const { open, clock, world } = await setUp(t)
      const refusal = { reason: 'no_such_partition', message: 'There is no partition gpu.' }
      world.controls.refuse = () => refusal
      const replica = await open()
      const { key } = await requestOne(replica, buildTestRequest(wait, { policy: { startRetries: 5 } }))
      const { reason, message, attempts } = await untilState(replica, clock, key, 'failed')
      assert.deepEqual({ reason, message }, refusal)
      assert.equal(attempts, 1)
    })

    test('a preempted job goes back into the queue when its policy says so, else it ends', async (t) => {
      const { open, clock, world } = await setUp(t)
      const replica = await open()
      const { key: stays } = await requestOne(replica, buildTestRequest(wait, { policy: { requeue: true } }))
      const { key: ends } = await requestOne(replica, buildTestRequest(wait))
      await untilState(replica, clock, stays, 'running')
      await untilState(replica, clock, ends, 'running')
      world.preempt(buildAttemptKey(stays, 1))
      world.preempt(buildAttemptKey(ends, 1))
      const again = await until('the second start', clock, async () => {
        const job = await replica.jobs.find(stays)
        return job?.state === 'running' && job.attempts === 2 ? job : undefined
      })
      assert.ok(again.readyAtMs)
      assert.equal((await untilState(replica, clock, ends, 'preempted')).attempts, 1)
      assert.equal((await replica.jobs.quotas.usage({ kind: 'platform' })).used.servers, 1)
    })

    test('a job whose node was lost starts elsewhere when its policy says so', async (t) => {
      const node = { pool: 'default', cpu: 1, memoryBytes: 1, gpu: 0 }
      const nodes = [
        { name: 'n1', ...node },
        { name: 'n2', ...node },
      ]
      const { open, clock, world } = await setUp(t, { world: { nodes } })
      const replica = await open()
      const request = buildTestRequest(wait, { policy: { requeue: true }, spec: { resources: { cpu: 1 } } })
      const { key } = await requestOne(replica, request)
      await untilState(replica, clock, key, 'running')
      world.loseNode('n1')
      await until(
        'a start on the other node',
        clock,
        async () => (await replica.jobs.find(key))?.node === 'n2',
      )
    })

    test('a time limit ends a job even when the scheduler keeps none', async (t) => {
      const { open, clock } = await setUp(t, { world: { keepsTimeLimits: false } })
      const replica = await open()
      const request = buildTestRequest(wait, { spec: { timeLimitMs: 60_000 } })
      const { key } = await requestOne(replica, request)
      await untilState(replica, clock, key, 'running')
      await clock.advance(59_000)
      assert.equal((await replica.jobs.find(key))?.state, 'running')
      const job = await untilState(replica, clock, key, 'failed')
      assert.equal(job.reason, 'time_limit')
    })

    test('a job that never answers is given up after its ready timeout', async (t) => {
      const { open, clock } = await setUp(t)
      const replica = await open({ isReady: () => Promise.reject(new Error('refused')) })
      const policy = { ready, readyTimeoutMs: 30_000 }
      const { key } = await requestOne(replica, buildTestRequest(wait, { policy, spec: server }))
      const job = await untilState(replica, clock, key, 'failed')
      assert.equal(job.reason, 'not_ready_in_time')
      assert.match(job.message ?? '', /30 seconds/)
      assert.match(job.logTail ?? '', /waiting/)
    })

    test('waiting in the queue of the scheduler has no timeout and shows its reason', async (t) => {
      const { open, clock, world } = await setUp(t)
      world.controls.startsByItself = false
      const replica = await open()
      const policy = { ready, readyTimeoutMs: 30_000 }
      const { key } = await requestOne(replica, buildTestRequest(wait, { policy, spec: server }))
      const pending = await until('a reason', clock, async () => {
        const job = await replica.jobs.find(key)
        return job?.reason === 'pending' ? job : undefined
      })
      assert.match(pending.message ?? '', /room on a node/)
      await clock.advance(3_600_000)
      assert.equal((await replica.jobs.find(key))?.state, 'pending')
      world.start(buildAttemptKey(key, 1))
      await untilState(replica, clock, key, 'running')
    })

    test('progress is told from the first line to ready, to those who come late as well', async (t) => {
      const { open, clock } = await setUp(t)
      const replica = await open()
      const { key } = await requestOne(replica, buildTestRequest(wait, { policy: { ready }, spec: server }))
      const live: JobEvent[] = []
      const following = (async () => {
        for await (const event of replica.jobs.events(key, { signal: t.signal })) live.push(event)
      })()
      await untilState(replica, clock, key, 'running')
      await following
      assert.equal(live[0]?.message, 'Requested')
      assert.equal(live.at(-1)?.kind, 'ready')
      assert.equal(live.at(-1)?.progress, 100)
      const percents = live.flatMap((event) => event.progress ?? [])
      assert.deepEqual(
        percents,
        percents.toSorted((a, b) => a - b),
      )
      assert.deepEqual(await Array.fromAsync(replica.jobs.events(key, { signal: t.signal })), live)
      const afterId = live[1]?.id ?? 0
      const rest = await Array.fromAsync(replica.jobs.events(key, { afterId, signal: t.signal }))
      assert.deepEqual(rest, live.slice(2))
    })

    test('progress of a failure ends with its cause, and a feature can add lines', async (t) => {
      const { open, clock } = await setUp(t)
      const replica = await open()
      const { key } = await requestOne(replica, buildTestRequest(['fail', '9']))
      const event = { kind: 'warning', message: 'From the hub' } as const
      await replica.store.transaction((tx) => replica.jobs.addEvent(tx, key, event))
      await untilState(replica, clock, key, 'failed')
      const events = await Array.fromAsync(replica.jobs.events(key, { signal: t.signal }))
      assert.ok(events.some(({ message }) => message === 'From the hub'))
      assert.equal(events.at(-1)?.kind, 'failed')
      assert.match(events.at(-1)?.message ?? '', /status 9/)
    })

    test('output is followed from before the start to the end', async (t) => {
      const { open, clock, world } = await setUp(t)
      world.controls.startsByItself = false
      const replica = await open()
      const { key } = await requestOne(replica, buildTestRequest(['succeed']))
      const output = Array.fromAsync(replica.jobs.logs(key, { follow: true, signal: t.signal }))
      await until('a run', clock, () => world.listRuns().length === 1)
      world.start(buildAttemptKey(key, 1))
      assert.equal(Buffer.concat(await output).toString(), 'hello\n')
    })

    test('subscribers hear of every change, and waiting ends when its condition holds', async (t) => {
      const { open, clock } = await setUp(t)
      const replica = await open()
      const heard = new Set<string>()
      const unsubscribe = replica.jobs.subscribe((keys) => {
        for (const key of keys) heard.add(key)
      })
      const { key } = await requestOne(replica, buildTestRequest(wait))
      const ended = replica.jobs.waitFor(key, (job) => job.endedAtMs !== undefined, { signal: t.signal })
      await untilState(replica, clock, key, 'running')
      assert.ok(heard.has(key))
      unsubscribe()
      await stopOne(replica, key)
      await untilState(replica, clock, key, 'cancelled')
      assert.equal((await ended).state, 'cancelled')
      await assert.rejects(
        replica.jobs.waitFor('nobody', () => true, { signal: t.signal }),
        {
          code: 'not_found',
        },
      )
    })

    test('lists by kind, owner, subject and state, newest first, page by page', async (t) => {
      const { open, clock, world } = await setUp(t)
      world.controls.startsByItself = false
      const replica = await open()
      const keys: string[] = []
      for (const subject of ['server:1', 'server:2', 'server:3']) {
        keys.push((await requestOne(replica, buildTestRequest(wait, { subject }))).key)
      }
      const batch = await requestOne(replica, buildTestRequest(['succeed'], { kind: 'batch' }))
      await until('its run', clock, () => world.findRuns(buildAttemptKey(batch.key, 1)).length > 0)
      world.start(buildAttemptKey(batch.key, 1))
      await untilState(replica, clock, batch.key, 'succeeded')
      const list = async (filter: Parameters<typeof replica.jobs.list>[0]) =>
        (await replica.jobs.list(filter)).map((job) => job.key)
      assert.deepEqual(await list({ kind: 'server' }), keys.toReversed())
      assert.deepEqual(await list({ active: true }), keys.toReversed())
      assert.deepEqual(await list({ active: false }), [batch.key])
      assert.deepEqual(await list({ subject: 'server:2' }), [keys[1]])
      assert.deepEqual(await list({ states: ['succeeded'] }), [batch.key])
      assert.deepEqual(await list({ kind: 'server', limit: 1 }), [keys[2]])
      assert.deepEqual(await list({ kind: 'server', limit: 1, before: keys[2] ?? '' }), [keys[1]])
      assert.deepEqual(await list({ userId: 5 }), [])
    })
  })
}
