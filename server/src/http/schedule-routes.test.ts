import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type { RunView, ScheduleView } from '@atrium/contract/runs-api.ts'

import { systemActor } from '#observe/audit.ts'
import { until } from '#scheduler/testing.ts'
import { testStoreKinds } from '#store/testing.ts'
import { type RunSite, withRunSite } from './testing/run-site.ts'

const minuteMs = 60_000
const hourly = { name: 'hourly', cron: '0 * * * *', run: { command: ['succeed'] } }
/** The clock of tests begins at 2030-01-01, 00:00 UTC, which is due at once for nothing. */
const startMs = Date.UTC(2030, 0, 1)

async function create(
  { ask }: RunSite,
  request: Record<string, unknown>,
  who = 'alice',
): Promise<ScheduleView> {
  const answer = await ask(who, 'POST', '/api/v1/schedules', request)
  assert.equal(answer.statusCode, 201, answer.body)
  return answer.json()
}

const show = async ({ ask }: RunSite, id: number) =>
  (await ask('alice', 'GET', `/api/v1/schedules/${id}`)).json<ScheduleView>()

const listRuns = async ({ ask }: RunSite, id: number) =>
  (await ask('alice', 'GET', `/api/v1/runs?schedule=${id}`)).json<{ runs: RunView[] }>().runs

/** Lets time pass until this schedule has started so many runs. */
const untilRuns = (site: RunSite, id: number, count: number) =>
  until(
    `${count} runs`,
    site.clock,
    async () => {
      const runs = await listRuns(site, id)
      return runs.length >= count ? runs : undefined
    },
    minuteMs,
  )

for (const kind of testStoreKinds) {
  describe(`schedules (${kind.kind})`, () => {
    test('a command is run when it is due, again and again, as its owner', async () => {
      await withRunSite(kind, async (site) => {
        const schedule = await create(site, {
          ...hourly,
          run: { command: ['context'], environment: { KEY: 'hunter2' } },
        })
        assert.deepEqual([schedule.nextAtMs, schedule.upcomingMs.length], [startMs + 60 * minuteMs, 5])
        assert.deepEqual([schedule.variables, schedule.run?.environment], [['KEY'], undefined])
        assert.equal((await listRuns(site, schedule.id)).length, 0)
        const [second, first] = await untilRuns(site, schedule.id, 2)
        assert.deepEqual([first?.user, first?.name, first?.schedule], ['alice', 'hourly', schedule.id])
        assert.ok((second?.createdAtMs ?? 0) >= startMs + 120 * minuteMs)
        const id = first?.id ?? 0
        await site.untilRun('alice', id, 'the end', ({ endedAtMs }) => endedAtMs !== undefined)
        const log = await site.ask('alice', 'GET', `/api/v1/runs/${id}/log`)
        assert.equal(JSON.parse(log.body).environment.KEY, 'hunter2')
        const now = await show(site, schedule.id)
        assert.equal(now.lastRun?.schedule, schedule.id)
      })
    })

    test('times go by the clock of the place', async () => {
      await withRunSite(kind, async (site) => {
        const { nextAtMs } = await create(site, { ...hourly, cron: '30 6 * * *', timezone: 'Asia/Kolkata' })
        assert.equal(nextAtMs, startMs + 60 * minuteMs)
      })
    })

    test('times that nobody was there for are made up for once', async () => {
      await withRunSite(kind, async (site) => {
        const schedule = await create(site, hourly)
        await site.runs.close()
        await site.clock.advance(10 * 60 * minuteMs + minuteMs)
        const later = site.openRuns()
        later.start()
        const runs = await untilRuns(site, schedule.id, 1)
        assert.equal(runs.length, 1)
        assert.equal((await show(site, schedule.id)).nextAtMs, startMs + 11 * 60 * minuteMs)
        await later.close()
      })
    })

    test('one that has not ended keeps the next from beginning, unless it may not', async () => {
      await withRunSite(kind, async (site) => {
        const skipping = await create(site, { ...hourly, run: { command: ['wait'] } })
        const allowing = await create(site, {
          ...hourly,
          name: 'more',
          run: { command: ['wait'] },
          overlap: 'allow',
        })
        await untilRuns(site, allowing.id, 3)
        const runs = await listRuns(site, skipping.id)
        assert.equal(runs.length, 1)
        const { lastMessage, lastRun } = await show(site, skipping.id)
        assert.deepEqual([lastMessage, lastRun?.state], [`Run ${runs[0]?.id} had not ended.`, 'running'])
        const now = await site.ask('alice', 'POST', `/api/v1/schedules/${skipping.id}/run`)
        assert.deepEqual([now.statusCode, now.json().code], [409, 'conflict'])
      })
    })

    test('one that is switched off does not run by itself, but when it is asked for', async () => {
      await withRunSite(kind, async (site) => {
        const { id, nextAtMs } = await create(site, { ...hourly, enabled: false })
        const clock = await create(site, { ...hourly, name: 'clock' })
        assert.equal(nextAtMs, undefined)
        await untilRuns(site, clock.id, 2)
        assert.deepEqual(await listRuns(site, id), [])
        const now = await site.ask('alice', 'POST', `/api/v1/schedules/${id}/run`, {})
        assert.equal(now.statusCode, 201, now.body)
        assert.equal((await listRuns(site, id)).length, 1)
        const on = await site.ask('alice', 'PATCH', `/api/v1/schedules/${id}`, { enabled: true })
        assert.ok((on.json().nextAtMs ?? 0) > site.clock.now())
      })
    })

    test('a notebook is run by papermill as its owner, with its result named by time and number', async () => {
      await withRunSite(kind, async (site) => {
        const notebook = { path: 'reports/daily.ipynb', parameters: { day: 'monday', secret: 'hunter2' } }
        const schedule = await create(site, {
          name: 'daily',
          cron: '0 6 * * *',
          timezone: 'Europe/Berlin',
          notebook,
          keep: 3,
        })
        const { job = '', ...run } = (
          await site.ask('alice', 'POST', `/api/v1/schedules/${schedule.id}/run`)
        ).json<RunView>()
        assert.deepEqual(
          [run.command, run.workingDirectory, run.result],
          [
            ['python', '-m', 'atrium_client.notebook_job'],
            '/home/alice/reports',
            'runs/daily/2030-01-01_0100_0001.ipynb',
          ],
        )
        const rows = await site.replica.store.db.selectFrom('jobs').selectAll().execute()
        assert.ok(!JSON.stringify(rows).includes('hunter2'))
        assert.equal((await site.replica.jobs.find(job))?.spec.owner.name, 'alice')
      })
    })

    const names: [name: string, folder: RegExp][] = [
      ['../../bob', /^runs\/bob_\d+$/],
      ['a/b', /^runs\/a-b_\d+$/],
      ['..', /^runs\/schedule_\d+$/],
      ['Bericht für Zoë', /^runs\/Bericht für Zoë$/],
      ['x'.repeat(200), /^runs\/x{80}_\d+$/],
    ]
    for (const [name, folder] of names) {
      test(`results of “${name.slice(0, 20)}” stay in a folder of their own`, async () => {
        await withRunSite(kind, async (site) => {
          const notebook = { path: 'a.ipynb' }
          const { id } = await create(site, { name, cron: '@daily', notebook })
          const { result = '' } = (
            await site.ask('alice', 'POST', `/api/v1/schedules/${id}/run`)
          ).json<RunView>()
          assert.match(result.slice(0, result.lastIndexOf('/')), folder)
        })
      })
    }

    const refused: [what: string, request: Record<string, unknown>, message: RegExp][] = [
      ['a line of cron that means nothing', { cron: '61 * * * *' }, /no minute/],
      ['a zone that nobody knows', { timezone: 'Mars/Olympus' }, /no time zone/],
      ['neither command nor notebook', { run: {} }, /neither/],
      ['both command and notebook', { notebook: { path: 'a.ipynb' } }, /which is it/],
      ['an array of a notebook', { run: { array: '1-3' }, notebook: { path: 'a.ipynb' } }, /one task/],
      [
        'a notebook outside of the home',
        { run: {}, notebook: { path: '../bob/a.ipynb' } },
        /out of the home/,
      ],
      ['a profile that there is not', { run: { command: ['a'], profile: 'huge' } }, /no profile/],
      ['a name that cannot be read', { name: 'a\nb' }, /readable/],
    ]
    for (const [what, request, message] of refused) {
      test(`${what} is refused with its reason`, async () => {
        await withRunSite(kind, async ({ ask }) => {
          const answer = await ask('alice', 'POST', '/api/v1/schedules', { ...hourly, ...request })
          assert.equal(answer.statusCode, 400, answer.body)
          assert.match(answer.json().message, message)
        })
      })
    }

    test('changes replace what they name; variables stay until others are given', async () => {
      await withRunSite(kind, async (site) => {
        const { id } = await create(site, {
          ...hourly,
          run: { command: ['succeed'], environment: { KEY: '1' } },
        })
        const change = async (body: Record<string, unknown>) => {
          const answer = await site.ask('alice', 'PATCH', `/api/v1/schedules/${id}`, body)
          assert.equal(answer.statusCode, 200, answer.body)
          return answer.json<ScheduleView>()
        }
        await change({ timezone: 'Asia/Kolkata', overlap: 'allow', enabled: false })
        const same = await change({ keep: 3 })
        assert.deepEqual(
          [same.timezone, same.overlap, same.enabled, same.keep],
          ['Asia/Kolkata', 'allow', false, 3],
        )
        await change({ timezone: 'UTC', enabled: true })
        const later = await change({ cron: '0 12 * * *', run: { command: ['context'] } })
        assert.deepEqual(
          [later.nextAtMs, later.run?.command, later.variables],
          [startMs + 720 * minuteMs, ['context'], ['KEY']],
        )
        const others = await change({ run: { command: ['context'], environment: { OTHER: '1' } } })
        assert.deepEqual(others.variables, ['OTHER'])
        await create(site, { ...hourly, name: 'second' })
        const taken = await site.ask('alice', 'PATCH', `/api/v1/schedules/${id}`, { name: 'second' })
        assert.equal(taken.statusCode, 409)
      })
    })

    test('everybody has their own; they go with their owner', async () => {
      await withRunSite(kind, async (site) => {
        const { ask, identity } = site
        const { id } = await create(site, hourly)
        await create(site, hourly, 'bob')
        const names = async (who: string) =>
          (await ask(who, 'GET', '/api/v1/schedules')).json().schedules.map(({ user }: ScheduleView) => user)
        assert.deepEqual([await names('alice'), await names('ada')], [['alice'], ['alice', 'bob']])
        for (const [method, path] of [
          ['GET', ''],
          ['DELETE', ''],
          ['PATCH', ''],
          ['POST', '/run'],
        ] as const) {
          const answer = await ask('bob', method, `/api/v1/schedules/${id}${path}`, {})
          assert.equal(answer.statusCode, 404, method)
        }
        await identity.users.remove('bob', systemActor)
        assert.deepEqual(await names('ada'), ['alice'])
        assert.equal((await ask('ada', 'DELETE', `/api/v1/schedules/${id}`)).statusCode, 204)
        assert.deepEqual(await names('ada'), [])
      })
    })

    test('who has lost the right to run programs has lost it for schedules, too', async () => {
      await withRunSite(kind, async (site) => {
        const { id } = await create(site, hourly)
        const role = {
          name: 'user',
          description: 'Little',
          scopes: ['read:users!user'],
          users: [],
          groups: [],
          services: [],
        }
        await site.identity.applyConfig({ admins: ['ada'], groups: {}, roles: [role] })
        const readMessage = async () =>
          (await site.ask('ada', 'GET', `/api/v1/schedules/${id}`)).json<ScheduleView>().lastMessage
        const message = await until('the reason', site.clock, readMessage, minuteMs)
        assert.equal(message, 'alice may not run programs any more.')
      })
    })

    test('what cannot be run any more says why, and keeps no other from its time', async () => {
      await withRunSite(kind, async (site) => {
        const broken = await create(site, hourly)
        const request = JSON.stringify({ ...hourly, run: { command: ['succeed'], profile: 'gone' } })
        await site.replica.store.db
          .updateTable('schedules')
          .set({ request })
          .where('id', '=', broken.id)
          .execute()
        const good = await create(site, { ...hourly, name: 'good' })
        await untilRuns(site, good.id, 1)
        const { lastMessage, nextAtMs = 0 } = await show(site, broken.id)
        assert.match(lastMessage ?? '', /no profile "gone"/)
        assert.ok(nextAtMs > site.clock.now())
      })
    })
  })
}
