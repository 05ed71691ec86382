import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type { RunDetail } from '@atrium/contract/runs-api.ts'

import { systemActor } from '#observe/audit.ts'
import { until } from '#scheduler/testing.ts'
import { testStoreKinds } from '#store/testing.ts'
import { type RunSite, withRunSite } from './testing/run-site.ts'

/** Scopes cut down: what a token of less says. */
async function createToken({ identity }: RunSite, name: string, scopes: string[]): Promise<string> {
  const { id } = await identity.users.get(name)
  const owner = { kind: 'user' as const, id, name }
  return (await identity.tokens.create({ owner, scopes, note: '' }, systemActor)).secret
}

const hasEnded = ({ endedAtMs }: RunDetail) => endedAtMs !== undefined
/** What the memory driver's `context` program prints. */
interface Seen {
  argv: string[]
  environment: Record<string, string>
  workingDirectory: string
}

for (const kind of testStoreKinds) {
  describe(`runs (${kind.kind})`, () => {
    test('a program runs as who asks, with a login’s variables and those that were given', async () => {
      await withRunSite(kind, async ({ start, untilRun, ask }) => {
        const environment = { SECRET: 'hunter2', PYTHONPATH: '/my/lib' }
        const { id, state, command, jobs } = await start('alice', {
          command: ['context', 'a b', '$(c)'],
          environment,
          workingDirectory: 'project',
        })
        assert.deepEqual([state, command, jobs.total], ['queued', ['context', 'a b', '$(c)'], 1])
        const ended = await untilRun('alice', id, 'the end', hasEnded)
        assert.deepEqual(
          [ended.state, ended.exitCode, ended.name, ended.user],
          ['succeeded', 0, 'context', 'alice'],
        )
        const log = await ask('alice', 'GET', `/api/v1/runs/${id}/log`)
        const seen = JSON.parse(log.body) as Seen
        assert.deepEqual([seen.argv, seen.workingDirectory], [['a b', '$(c)'], '/home/alice/project'])
        const { HOME, USER, PATH, SECRET, PYTHONPATH, ATRIUM_API_URL, ATRIUM_RUN_ID, ATRIUM_TASKS } =
          seen.environment
        assert.deepEqual(
          [HOME, USER, SECRET, PYTHONPATH, ATRIUM_API_URL, ATRIUM_RUN_ID, ATRIUM_TASKS],
          ['/home/alice', 'alice', 'hunter2', '/atrium/client:/my/lib', 'http://hub', String(id), '1'],
        )
        assert.match(PATH ?? '', /^\/env\/platform\/bin:/)
        assert.ok(!JSON.stringify(ended).includes('hunter2'))
      })
    })

    test('variables that were given are in no record that can be read', async () => {
      await withRunSite(kind, async ({ start, replica }) => {
        await start('alice', { command: ['wait'], environment: { KEY: 'hunter2' } })
        for (const table of ['jobs', 'runs', 'job_events', 'audit_events'] as const) {
          const rows = await replica.store.db.selectFrom(table).selectAll().execute()
          assert.ok(!JSON.stringify(rows).includes('hunter2'), table)
        }
      })
    })

    test('what the profile gives can be lowered and raised; its time is the most', async () => {
      await withRunSite(kind, async ({ start, ask, replica }) => {
        const specOf = async (request: Record<string, unknown>) => {
          const { job = '' } = await start('alice', { command: ['succeed'], ...request })
          const { spec, policy } = (await replica.jobs.find(job)) ?? assert.fail('no job')
          return { ...spec, policy }
        }
        const plain = await specOf({})
        assert.deepEqual(plain.resources, { cpu: 2, memoryBytes: 4 * 2 ** 30 })
        assert.deepEqual(plain.queue, { account: 'lab' })
        const several = await specOf({ tasks: 8 })
        assert.deepEqual([several.tasks, several.resources], [8, { cpu: 1, memoryBytes: 2 * 2 ** 30 }])
        const named = await specOf({ tasks: 2, profile: 'gpu', cpu: 4, gpu: 2, timeLimitMs: 60_000 })
        assert.deepEqual(named.resources, { cpu: 4, memoryBytes: 32 * 2 ** 30, gpu: 2 })
        assert.deepEqual([named.timeLimitMs, named.preemptible, named.policy.requeue], [60_000, true, true])
        const tooLong = { command: ['succeed'], profile: 'gpu', timeLimitMs: 7_200_000 }
        const refused = await ask('alice', 'POST', '/api/v1/runs', tooLong)
        assert.equal(refused.statusCode, 400)
        assert.match(refused.json().message, /end after 60 minutes/)
      })
    })

    test('what can never fit is refused at once, and nothing of it is left', async () => {
      await withRunSite(
        kind,
        async ({ ask, replica }) => {
          const answer = await ask('alice', 'POST', '/api/v1/runs', {
            command: ['succeed'],
            array: '1-3',
            cpu: 9,
          })
          assert.deepEqual([answer.statusCode, answer.json().code], [409, 'quota_exceeded'])
          assert.deepEqual(await replica.store.db.selectFrom('runs').select('id').execute(), [])
        },
        { limits: { defaultUser: { cpu: 8 } } },
      )
    })

    test('an array is one run of many jobs, each with its number', async () => {
      await withRunSite(kind, async ({ start, untilRun, ask }) => {
        const { id } = await start('alice', { command: ['context'], array: '7,1-5:2' })
        const ended = await untilRun('alice', id, 'the end', hasEnded)
        assert.deepEqual(ended.jobs, {
          total: 4,
          waiting: 0,
          running: 0,
          succeeded: 4,
          failed: 0,
          cancelled: 0,
        })
        assert.deepEqual(
          ended.jobList.map(({ index }) => index),
          [1, 3, 5, 7],
        )
        const log = await ask('alice', 'GET', `/api/v1/runs/${id}/log?index=5`)
        assert.equal((JSON.parse(log.body) as Seen).environment['ATRIUM_ARRAY_INDEX'], '5')
        assert.equal((await ask('alice', 'GET', `/api/v1/runs/${id}/log?index=2`)).statusCode, 404)
        assert.match((await ask('alice', 'GET', `/api/v1/runs/${id}/log`)).json().message, /by its number/)
      })
    })

    test('jobs of an array are read page by page, or those of one kind alone', async () => {
      await withRunSite(kind, async ({ start, untilRun, ask }) => {
        const { id } = await start('alice', { command: ['fail', '3'], array: '0-6' })
        await untilRun('alice', id, 'the end', hasEnded)
        const read = async (query: string) => {
          const run = (await ask('alice', 'GET', `/api/v1/runs/${id}?${query}`)).json<RunDetail>()
          return [run.jobList.map(({ index }) => index), run.next]
        }
        assert.deepEqual(await read('limit=3'), [[0, 1, 2], 2])
        assert.deepEqual(await read('limit=3&after=2'), [[3, 4, 5], 5])
        assert.deepEqual(await read('limit=3&after=5'), [[6], undefined])
        assert.deepEqual(await read('jobs=succeeded'), [[], undefined])
        assert.deepEqual(await read('jobs=failed&limit=2'), [[0, 1], 1])
      })
    })

    test('the end of a run says how its first failed job ended', async () => {
      await withRunSite(kind, async ({ start, untilRun }) => {
        const failed = await start('alice', { command: ['fail', '3'] })
        const ended = await untilRun('alice', failed.id, 'the end', hasEnded)
        assert.deepEqual([ended.state, ended.exitCode, ended.jobs.failed], ['failed', 3, 1])
        const crashed = await start('alice', { command: ['crash'], array: '1-2' })
        const { state, exitCode, exitSignal } = await untilRun('alice', crashed.id, 'the end', hasEnded)
        assert.deepEqual([state, exitCode, exitSignal], ['failed', undefined, 'SIGKILL'])
      })
    })

    test('a failed job is run again as often as was asked for; each try has its output', async () => {
      await withRunSite(kind, async ({ start, untilRun, ask }) => {
        const { id } = await start('alice', { command: ['fail', '3'], retries: 2 })
        const ended = await untilRun('alice', id, 'the end', hasEnded)
        assert.deepEqual([ended.state, ended.exitCode, ended.jobList[0]?.try], ['failed', 3, 3])
        for (const number of [1, 2, 3]) {
          const log = await ask('alice', 'GET', `/api/v1/runs/${id}/log?try=${number}`)
          assert.deepEqual([log.body, log.headers['atrium-try']], ['about to fail\n', String(number)])
        }
        assert.equal((await ask('alice', 'GET', `/api/v1/runs/${id}/log?try=4`)).body, '')
      })
    })

    test('its owner runs the same again, with its variables, folder and environment; nobody else does', async () => {
      await withRunSite(kind, async ({ start, untilRun, ask }) => {
        const first = await start('alice', {
          command: ['context', 'x'],
          environment: { SECRET: 'hunter2' },
          workingDirectory: 'project',
          prefix: '/home/alice/env',
          array: '2',
        })
        const answer = await ask('alice', 'POST', `/api/v1/runs/${first.id}/again`)
        assert.equal(answer.statusCode, 201, answer.body)
        const again = answer.json() as RunDetail
        assert.notEqual(again.id, first.id)
        assert.deepEqual([again.array, again.prefix], ['2', '/home/alice/env'])
        await untilRun('alice', again.id, 'the end', hasEnded)
        const log = await ask('alice', 'GET', `/api/v1/runs/${again.id}/log?index=2`)
        const seen = JSON.parse(log.body) as Seen
        assert.deepEqual(
          [seen.argv, seen.environment['SECRET'], seen.workingDirectory],
          [['x'], 'hunter2', '/home/alice/project'],
        )
        const asked = await Promise.all(
          ['bob', 'ada'].map((name) => ask(name, 'POST', `/api/v1/runs/${first.id}/again`)),
        )
        assert.deepEqual(
          asked.map(({ statusCode }) => statusCode),
          [404, 403],
        )
      })
    })

    test('output is read from a byte on', async () => {
      await withRunSite(kind, async ({ start, untilRun, ask }) => {
        const { id } = await start('alice', { command: ['succeed'] })
        await untilRun('alice', id, 'the end', hasEnded)
        assert.equal((await ask('alice', 'GET', `/api/v1/runs/${id}/log?offset=3&follow=true`)).body, 'lo\n')
      })
    })

    test('cancelling ends what runs and what waits, and is recorded', async () => {
      await withRunSite(
        kind,
        async ({ start, untilRun, ask, replica }) => {
          const { id } = await start('alice', { command: ['wait'], array: '1-3' })
          await untilRun('alice', id, 'one to run', ({ jobs }) => jobs.running === 1 && jobs.waiting === 2)
          assert.equal((await ask('bob', 'DELETE', `/api/v1/runs/${id}`)).statusCode, 404)
          assert.equal((await ask('alice', 'DELETE', `/api/v1/runs/${id}`)).statusCode, 204)
          const ended = await untilRun('alice', id, 'the end', hasEnded)
          assert.deepEqual([ended.state, ended.jobs.cancelled], ['cancelled', 3])
          assert.equal((await ask('alice', 'DELETE', `/api/v1/runs/${id}`)).statusCode, 204)
          const audit = await replica.store.db
            .selectFrom('audit_events')
            .select(['actor', 'action', 'target'])
            .where('action', 'like', 'run.%')
            .execute()
          const lines = audit.map((line) => ({ ...line }))
          assert.deepEqual(lines, [
            { actor: 'user:alice', action: 'run.create', target: `run:${id}` },
            { actor: 'user:alice', action: 'run.cancel', target: `run:${id}` },
          ])
        },
        { limits: { defaultUser: { cpu: 2 } } },
      )
    })

    test('everybody sees and cancels their own; administrators see all and run as nobody else', async () => {
      await withRunSite(kind, async (site) => {
        const { start, ask } = site
        const alices = await start('alice', { command: ['wait'] })
        const bobs = await start('bob', { command: ['wait'] })
        const list = async (who: string, query = '') =>
          (await ask(who, 'GET', `/api/v1/runs${query}`)).json().runs.map(({ id }: { id: number }) => id)
        assert.deepEqual(await list('alice'), [alices.id])
        assert.deepEqual(await list('ada'), [bobs.id, alices.id])
        assert.deepEqual(await list('ada', '?user=bob&state=active'), [bobs.id])
        assert.deepEqual(await list('ada', '?state=ended'), [])
        const reader = await createToken(site, 'alice', ['read:jobs!user'])
        assert.deepEqual(await list(reader), [alices.id])
        assert.equal((await ask(reader, 'DELETE', `/api/v1/runs/${alices.id}`)).statusCode, 404)
        assert.equal((await ask(reader, 'POST', '/api/v1/runs', { command: ['wait'] })).statusCode, 403)
        assert.equal((await ask('ada', 'DELETE', `/api/v1/runs/${alices.id}`)).statusCode, 204)
        for (const path of [`/api/v1/runs/${bobs.id}`, `/api/v1/runs/${bobs.id}/log`, '/api/v1/runs/x'])
          assert.equal((await ask('alice', 'GET', path)).statusCode, 404, path)
      })
    })

    const refused: [what: string, request: Record<string, unknown>, message: RegExp][] = [
      ['an empty command', { command: [''] }, /no name/],
      ['a NUL in an argument', { command: ['a', 'b\0c'] }, /NUL/],
      ['a variable that is none', { environment: { 'A B': 'x' } }, /no name of a variable/],
      ['a variable of the platform', { environment: { ATRIUM_RUN_ID: '1' } }, /set by the platform/],
      [
        'a folder outside of the home by a path below it',
        { workingDirectory: '../bob' },
        /leads out of the home/,
      ],
      ['somebody else’s environment', { prefix: '/home/bob/env' }, /neither/],
      ['an environment that leads out of the home', { prefix: '/home/alice/../bob/env' }, /neither/],
      ['a profile that there is not', { profile: 'huge' }, /no profile "huge"/],
      ['an array that ends before it begins', { array: '5-1' }, /ends before it begins/],
      ['too large an array', { array: '0-10000' }, /at most 10000/],
      ['more nodes than tasks', { nodes: 2 }, /more nodes than tasks/],
    ]
    for (const [what, request, message] of refused) {
      test(`${what} is refused with its reason`, async () => {
        await withRunSite(kind, async ({ ask }) => {
          const answer = await ask('alice', 'POST', '/api/v1/runs', { command: ['succeed'], ...request })
          assert.equal(answer.statusCode, 400, answer.body)
          assert.match(answer.json().message, message)
        })
      })
    }

    test('a run goes with the records of its jobs', async () => {
      await withRunSite(kind, async (site) => {
        const { start, untilRun, runs, replica, clock, openRuns } = site
        const old = await start('alice', { command: ['succeed'], array: '1-2' })
        await untilRun('alice', old.id, 'the end', hasEnded)
        const young = await start('alice', { command: ['succeed'] })
        await untilRun('alice', young.id, 'the end', hasEnded)
        const readEnds = () => replica.store.db.selectFrom('runs').select(['id', 'ended_at']).execute()
        await until('their ends', clock, async () => (await readEnds()).every((run) => run.ended_at !== null))
        await replica.store.db.deleteFrom('jobs').where('subject', '=', `run:${old.id}`).execute()
        await runs.close()
        // Whoever leads next tidies up first.
        const next = openRuns()
        next.start()
        const ids = await until('the old one to go', clock, async () => {
          const rows = await readEnds()
          return rows.length === 1 ? rows.map(({ id }) => id) : undefined
        })
        await next.close()
        assert.deepEqual(ids, [young.id])
      })
    })

    test('jobs of a run that is gone are ended', async () => {
      await withRunSite(kind, async ({ start, runs, replica, clock, openRuns }) => {
        const { job = '' } = await start('alice', { command: ['wait'] })
        await runs.close()
        await replica.store.db.deleteFrom('runs').execute()
        const next = openRuns()
        next.start()
        await until('the end', clock, async () => (await replica.jobs.find(job))?.endedAtMs !== undefined)
        await next.close()
      })
    })

    test('a run whose owner is removed is ended', async () => {
      await withRunSite(kind, async ({ start, identity, runs, replica, clock }) => {
        const { job = '' } = await start('alice', { command: ['wait'] })
        await runs.cancelAll(await identity.users.get('alice'), systemActor)
        await identity.users.remove('alice', systemActor)
        await until('the end', clock, async () => (await replica.jobs.find(job))?.endedAtMs !== undefined)
        assert.deepEqual(await replica.store.db.selectFrom('runs').select('id').execute(), [])
      })
    })
  })
}
