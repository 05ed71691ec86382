import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type { UsageReport } from '@atrium/contract/usage-api.ts'

import { type OperationSite, withOperationSite } from '#http/testing/operation-site.ts'
import { systemActor } from '#observe/audit.ts'
import { buildTestRequest, stopOne, untilState } from '#scheduler/testing.ts'
import { renderUsageCsv } from '#scheduler/usage/usage-report.ts'
import { testStoreKinds } from '#store/testing.ts'

const hourMs = 3_600_000

/** Alice and Bob are in a group; each ran one core for an hour, Alice in a partition of its own price, Bob for half an hour more. */
async function withUse(
  kind: (typeof testStoreKinds)[number],
  check: (site: OperationSite) => Promise<void>,
): Promise<void> {
  await withOperationSite(kind, async (site) => {
    const { replica, clock, identity } = site
    await identity.groups.create([{ name: 'astro', users: ['alice', 'bob'] }], systemActor)
    for (const [name, partition, ms] of [
      ['alice', 'default', hourMs],
      ['bob', '', 1.5 * hourMs],
    ] as const) {
      const { id } = await identity.users.get(name)
      const queue = partition === '' ? {} : { queue: { partition } }
      const spec = { resources: { cpu: 1, memoryBytes: 2 ** 31 }, ...queue }
      const request = buildTestRequest(['wait'], { userId: id, subject: `batch:${id}`, kind: 'batch', spec })
      const { key } = await replica.store.transaction((tx) => replica.jobs.request(tx, request))
      await untilState(replica, clock, key, 'running')
      await clock.advance(ms)
      await stopOne(replica, key)
      await untilState(replica, clock, key, 'cancelled')
    }
    await check(site)
  })
}

for (const kind of testStoreKinds) {
  describe(`what was used, by API (${kind.kind})`, () => {
    const rowsOf = ({ rows }: UsageReport) =>
      rows.map(({ name, runs, coreHours, cost }) => [
        name,
        runs,
        Number(coreHours.toFixed(1)),
        cost?.toFixed(1),
      ])

    test('administrators read everybody’s, by user, group and partition, with what it costs', () =>
      withUse(kind, async ({ ask }) => {
        const read = async (query: string) => (await ask<UsageReport>('ada', `/api/v1/usage${query}`)).body
        const users = await read('?by=user')
        assert.deepEqual(rowsOf(users), [
          ['bob', 1, 1.5, '0.8'],
          ['alice', 1, 1, '1.0'],
        ])
        assert.deepEqual(
          [users.from, users.to, users.currency, users.total.runs],
          ['2030-01-01', '2030-01-01', 'EUR', 2],
        )
        assert.ok(Math.abs(users.total.memoryGibHours - 5) < 0.1)
        const groups = await read('?by=group')
        assert.deepEqual(rowsOf(groups), [['astro', 2, 2.5, '1.8']])
        assert.equal(groups.total.runs, 2)
        assert.deepEqual(rowsOf(await read('?by=partition')), [
          ['', 1, 1.5, '0.8'],
          ['default', 1, 1, '1.0'],
        ])
        assert.deepEqual(rowsOf(await read('?by=kind&kind=server')), [])
        assert.deepEqual(rowsOf(await read('?by=day&from=2029-12-01&to=2029-12-31')), [])
      }))

    test('users read their own; who may read a group’s reads that of its members', () =>
      withUse(kind, async ({ ask, identity }) => {
        const read = (user: string, query: string) => ask<UsageReport>(user, `/api/v1/usage${query}`)
        assert.deepEqual(rowsOf((await read('alice', '?by=user')).body), [['alice', 1, 1, '1.0']])
        assert.deepEqual(rowsOf((await read('alice', '?by=user&group=astro')).body), [['alice', 1, 1, '1.0']])
        assert.equal((await read('alice', '?user=bob')).status, 404)
        assert.equal((await read('alice', '?user=nobody')).status, 404)
        assert.equal((await read('ada', '?user=nobody')).status, 404)
        const role = { name: 'head', description: 'Heads a group', scopes: ['read:usage!group=astro'] }
        await identity.applyConfig({
          admins: ['ada'],
          groups: {},
          roles: [{ ...role, users: ['alice'], groups: [], services: [] }],
        })
        assert.equal((await read('alice', '?by=user&group=astro')).body.rows.length, 2)
        assert.deepEqual(rowsOf((await read('alice', '?by=user&user=bob')).body), [['bob', 1, 1.5, '0.8']])
        assert.deepEqual(rowsOf((await read('alice', '?by=user')).body), [['alice', 1, 1, '1.0']])
        assert.equal((await read('alice', '?by=user&user=ada')).status, 404)
      }))

    test('days that are in no calendar, and spans that end before they begin, are refused', () =>
      withUse(kind, async ({ ask }) => {
        assert.equal((await ask('ada', '/api/v1/usage?from=0001-01-01&to=9999-12-31')).status, 200)
        for (const query of ['from=2026-02-31', 'to=today', 'from=2030-01-02&to=2030-01-01', 'by=hour']) {
          assert.equal((await ask('ada', `/api/v1/usage?${query}`)).status, 400, query)
        }
      }))
  })
}

test('a table for spreadsheets takes no name for a formula', () => {
  const amounts = { runs: 1, coreHours: 2, gpuHours: 0, memoryGibHours: 4, cost: 0.5 }
  const rows = ['=HYPERLINK("x")', 'a,b', '+1', 'åsa'].map((name) => ({ name, ...amounts }))
  const report = {
    from: '2026-11-01',
    to: '2026-11-02',
    by: 'user',
    currency: 'EUR',
    rows,
    total: amounts,
  } as const
  assert.equal(
    renderUsageCsv(report),
    [
      'user,runs,core_hours,gpu_hours,memory_gib_hours,cost_EUR',
      `"'=HYPERLINK(""x"")",1,2,0,4,0.5`,
      '"a,b",1,2,0,4,0.5',
      "'+1,1,2,0,4,0.5",
      'åsa,1,2,0,4,0.5',
      '',
    ].join('\r\n'),
  )
})
