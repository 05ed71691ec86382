import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type { MockServer } from '@atrium/web/mock-api/mock-server.ts'
import type { Page } from 'playwright-core'

import { usePortal } from './portal-fixture.ts'

const long = 'x'.repeat(200)

/** Everything that people name, named by one word that fits nowhere. */
function nameAtLength({ api: { state } }: MockServer): void {
  const [job] = state.jobs
  const [event] = state.audit
  const [token] = state.tokens
  const [cluster] = state.clusters
  const [run] = state.runs
  const [schedule] = state.schedules
  assert.ok(job && event && token && cluster && run && schedule)
  const server = { name: 'a'.repeat(60), profile: 'small', queuedMs: 0, startingMs: 10, fails: false }
  state.users.unshift({
    name: long,
    admin: true,
    createdAtMs: 0,
    servers: [{ ...server, askedAtMs: Date.now() - 900_000 }],
  })
  state.groups.unshift({ kind: 'group', name: long, users: [long], roles: [], properties: {} })
  state.jobs.unshift({ ...job, key: 'long', user: long, server: server.name, message: long })
  state.clusters.unshift({ ...cluster, name: 'f'.repeat(32), user: long, message: long })
  state.runs.unshift({
    ...run,
    id: 999,
    user: long,
    name: long,
    message: long,
    command: [long],
    result: long,
  })
  state.schedules.unshift({ ...schedule, id: 999, user: long, name: long, notebook: { path: long } })
  state.audit.unshift({ ...event, actor: `user:${long}`, target: `server:${long}/`, remote: long })
  state.tokens.unshift({ ...token, id: 'long', note: long, scopes: [`read:users!user=${long}`] })
}

/** What is wider than the place it stands in: its end is out of sight. */
function findCutOff(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [document.documentElement, ...document.querySelectorAll('.card, .table-frame, .page-header, dd')]
      .filter((element) => element.scrollWidth > element.clientWidth + 1)
      .map((element) => `${element.tagName} ${element.className}`),
  )
}

const pages = [
  'home',
  'token',
  'admin',
  `admin/users/${long}`,
  'admin/groups',
  `admin/groups/${long}`,
  'admin/jobs',
  'admin/jobs/clusters',
  'admin/jobs/runs',
  'admin/jobs/schedules',
  'compute/runs/999',
  'compute/schedules/999',
  'admin/queue',
  'admin/audit',
]

describe('names as long as they may be', () => {
  const portal = usePortal()

  for (const width of [1440, 390]) {
    for (const path of pages) {
      test(`push nothing out of sight on /hub/${path.replace(long, 'NAME')}, ${width} px`, async () => {
        const { page, server } = await portal.open('/hub/account', { user: 'ada', width })
        nameAtLength(server)
        await page
          .context()
          .addCookies([{ name: 'mock-user', value: path === 'home' ? long : 'ada', url: server.url }])
        await page.goto(`${server.url}/hub/${path}`)
        await page
          .getByText(path === 'home' ? (server.api.state.users[0]?.servers[0]?.name ?? '') : long)
          .first()
          .waitFor()
        assert.deepEqual(await findCutOff(page), [])
      })
    }
  }
})
