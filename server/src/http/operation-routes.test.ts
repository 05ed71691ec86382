import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type { AuditPage } from '@atrium/contract/audit-api.ts'
import type { HomeView } from '@atrium/contract/homes-api.ts'
import type { JobList, JobView, Queue } from '@atrium/contract/jobs-api.ts'
import type { QuotaList } from '@atrium/contract/quotas-api.ts'
import type { RoleList } from '@atrium/contract/roles-api.ts'
import type { PlatformStatus } from '@atrium/contract/status-api.ts'

import { systemActor } from '#observe/audit.ts'
import { waitFor } from '#platform/wait-for.ts'
import { testStoreKinds } from '#store/testing.ts'
import { withOperationSite } from './testing/operation-site.ts'

for (const kind of testStoreKinds) {
  describe(`looking after the platform (${kind.kind})`, () => {
    test('jobs: everybody sees their own, administrators see all', async () => {
      await withOperationSite(kind, async ({ ask, startJob }) => {
        const alices = await startJob('alice', 'running')
        const bobs = await startJob('bob', 'running')
        const keysOf = async (user: string, path: string) =>
          (await ask<JobList>(user, path)).body.jobs.map(({ key }) => key)
        assert.deepEqual(await keysOf('alice', '/api/v1/jobs'), [alices])
        assert.deepEqual(await keysOf('ada', '/api/v1/jobs'), [bobs, alices])
        assert.deepEqual(await keysOf('ada', '/api/v1/jobs?user=alice'), [alices])
        assert.deepEqual(await keysOf('ada', '/api/v1/jobs?state=ended'), [])
        assert.equal((await ask('alice', '/api/v1/jobs?user=bob')).status, 404)
        assert.equal((await ask('alice', `/api/v1/jobs/${bobs}`)).status, 404)
        assert.equal((await ask('alice', `/api/v1/jobs/${bobs}/log`)).status, 404)
        const { body } = await ask<JobView>('alice', `/api/v1/jobs/${alices}`)
        assert.deepEqual([body.user, body.state, body.resources], ['alice', 'running', { cpu: 1 }])
      })
    })

    test('jobs: a long list is read page by page', async () => {
      await withOperationSite(kind, async ({ ask, startJob }) => {
        const first = await startJob('alice', 'running')
        const second = await startJob('bob', 'running')
        const page = await ask<JobList>('ada', '/api/v1/jobs?limit=1')
        assert.deepEqual([page.body.jobs.map(({ key }) => key), page.body.next], [[second], second])
        const rest = await ask<JobList>('ada', `/api/v1/jobs?limit=1&before=${page.body.next}`)
        assert.deepEqual([rest.body.jobs.map(({ key }) => key), rest.body.next], [[first], undefined])
      })
    })

    test('jobs: only who may administer them cancels one, and it is recorded', async () => {
      await withOperationSite(kind, async ({ ask, startJob }) => {
        const key = await startJob('alice', 'running')
        assert.equal((await ask('bob', `/api/v1/jobs/${key}`, 'DELETE')).status, 404)
        assert.equal((await ask('ada', `/api/v1/jobs/${key}`, 'DELETE')).status, 204)
        const { body } = await ask<JobList>('ada', '/api/v1/jobs?state=all')
        assert.notEqual(body.jobs[0]?.state, 'running')
        const audit = await ask<AuditPage>('ada', '/api/v1/audit?action=job.')
        assert.deepEqual(
          audit.body.events.map(({ actor, action, target }) => [actor, action, target]),
          [['user:ada', 'job.cancel', `job:${key}`]],
        )
      })
    })

    test('jobs: everybody cancels their own programs', async () => {
      await withOperationSite(kind, async ({ ask, startJob }) => {
        const key = await startJob('alice', 'running', 'batch')
        assert.equal((await ask('bob', `/api/v1/jobs/${key}`, 'DELETE')).status, 404)
        assert.equal((await ask('alice', `/api/v1/jobs/${key}`, 'DELETE')).status, 204)
        const { body } = await ask<JobView>('alice', `/api/v1/jobs/${key}`)
        assert.match(body.message ?? '', /Cancelled by alice/)
      })
    })

    test('jobs: a token to run programs stops no server', async () => {
      await withOperationSite(kind, async ({ ask, startJob, identity }) => {
        const key = await startJob('alice', 'running')
        const { id } = await identity.users.get('alice')
        const owner = { kind: 'user' as const, id, name: 'alice' }
        const scopes = ['jobs!user']
        const { secret } = await identity.tokens.create({ owner, scopes, note: '' }, systemActor)
        assert.equal((await ask(secret, `/api/v1/jobs/${key}`)).status, 200)
        assert.equal((await ask(secret, `/api/v1/jobs/${key}`, 'DELETE')).status, 404)
      })
    })

    test('queue: shows places and reasons, and of others only how many wait', async () => {
      await withOperationSite(kind, async ({ ask, startJob }) => {
        await startJob('alice', 'running')
        const waiting = await startJob('alice', 'queued')
        const { body } = await waitFor(
          'the reason, which is told at the next look at the queue',
          async () => {
            const answer = await ask<Queue>('ada', '/api/v1/queue')
            return answer.body.jobs.some(({ reason }) => reason) ? answer : undefined
          },
        )
        assert.deepEqual(
          body.jobs.map(({ key, place, reason }) => [key, place, reason]),
          [[waiting, 1, 'quota_user_servers']],
        )
        assert.deepEqual((await ask<Queue>('bob', '/api/v1/queue')).body, { jobs: [], waiting: 1 })
      })
    })

    test('homes: how full one’s own is and what to do; administrators say how large it may be', async () => {
      await withOperationSite(kind, async ({ ask, identity, replica }) => {
        const mebibyte = 2 ** 20
        await identity.users.create([{ name: 'full-93' }, { name: 'full-120' }], systemActor)
        await replica.store.db
          .updateTable('users')
          .set((update) => ({ login: update.ref('name') }))
          .where('name', 'like', 'full-%')
          .execute()
        const show = (who: string, of: string) => ask<HomeView>(who, `/api/v1/users/${of}/home`)
        const nearly = await show('ada', 'full-93')
        assert.deepEqual([nearly.body.state, nearly.body.usedBytes], ['nearly-full', 93 * mebibyte])
        assert.match(nearly.body.message ?? '', /nearly full. Delete what you do not need/)
        const full = await show('ada', 'full-120')
        assert.match(full.body.message ?? '', /nothing more can be saved/)
        const own = await show('alice', 'alice')
        assert.deepEqual(own.body, {
          ...{ usedBytes: null, sizeBytes: 100 * mebibyte, holds: true, measuredAt: null, state: 'unknown' },
        })
        assert.equal((await show('alice', 'bob')).status, 404)
        const change = (who: string, sizeBytes: unknown) =>
          ask<HomeView>(who, '/api/v1/users/full-120/home', 'PUT', { sizeBytes })
        assert.equal((await change('alice', 200 * mebibyte)).status, 403)
        assert.equal((await change('ada', 'much')).status, 400)
        assert.equal((await change('ada', 10 * mebibyte)).status, 422)
        assert.equal((await change('ada', 200 * mebibyte)).body.state, 'ok')
        assert.equal((await show('ada', 'full-120')).body.sizeBytes, 200 * mebibyte)
        assert.equal((await change('ada', null)).body.state, 'full')
        const audit = await ask<AuditPage>('ada', '/api/v1/audit?action=user.home')
        assert.equal(audit.body.events.length, 2)
      })
    })

    test('quotas: use and limits, of oneself or of all', async () => {
      await withOperationSite(kind, async ({ ask, startJob }) => {
        await startJob('alice', 'running')
        const own = await ask<QuotaList>('alice', '/api/v1/quotas/alice')
        const [quota] = own.body.quotas
        assert.deepEqual([quota?.name, quota?.used.servers, quota?.limits], ['alice', 1, { servers: 1 }])
        assert.equal((await ask('alice', '/api/v1/quotas/bob')).status, 404)
        const all = await ask<QuotaList>('ada', '/api/v1/quotas')
        assert.deepEqual(
          all.body.quotas.map(({ subject, jobs }) => [subject, jobs]),
          [
            ['platform', 1],
            ['user', 1],
          ],
        )
        assert.deepEqual(
          (await ask<QuotaList>('alice', '/api/v1/quotas')).body.quotas.map(({ name }) => name),
          ['alice'],
        )
      })
    })

    test('nodes and status: for those who may read them', async () => {
      await withOperationSite(kind, async ({ ask, startJob }) => {
        await startJob('alice', 'running')
        assert.equal((await ask('alice', '/api/v1/nodes')).status, 403)
        assert.equal((await ask('bob', '/api/v1/nodes')).status, 200)
        assert.equal((await ask('alice', '/api/v1/status')).status, 403)
        const { body } = await ask<PlatformStatus>('ada', '/api/v1/status')
        assert.equal(body.scheduler.answers, true)
        assert.deepEqual(body.counts, {
          users: 3,
          groups: 0,
          runningServers: 1,
          activeJobs: 1,
          waitingJobs: 0,
        })
      })
    })

    test('roles: are given and taken, but nobody gives what they do not have', async () => {
      await withOperationSite(kind, async ({ ask }) => {
        const path = '/api/v1/roles/auditor/holders/user/alice'
        assert.equal((await ask('alice', path, 'PUT')).status, 403)
        const refused = await ask<{ message: string }>('bob', path, 'PUT')
        assert.equal(refused.status, 403)
        assert.match(refused.body.message, /read:audit/)
        assert.equal((await ask('ada', path, 'PUT')).status, 204)
        const { body } = await ask<RoleList>('ada', '/api/v1/roles')
        const auditor = body.roles.find(({ name }) => name === 'auditor')
        assert.deepEqual(auditor?.holders, [{ kind: 'user', name: 'alice', managed: false }])
        assert.equal(auditor?.effects[0]?.description, 'Read the audit log.')
        assert.equal((await ask('ada', path, 'DELETE')).status, 204)
        assert.equal((await ask('ada', '/api/v1/roles/user/holders/user/alice', 'PUT')).status, 409)
      })
    })

    test('audit log: users read what concerns them, `%` in a filter is no wildcard', async () => {
      await withOperationSite(kind, async ({ ask }) => {
        const own = await ask<AuditPage>('alice', '/api/v1/audit?of=user:bob')
        assert.ok(own.body.events.length > 0)
        for (const { actor, target } of own.body.events) {
          assert.ok([actor, target].includes('user:alice'), `${actor} ${target}`)
        }
        const all = await ask<AuditPage>('ada', '/api/v1/audit?limit=1')
        assert.equal(all.body.next, all.body.events[0]?.id)
        assert.deepEqual((await ask<AuditPage>('ada', '/api/v1/audit?target=%25')).body.events, [])
        const named = await ask<AuditPage>('ada', '/api/v1/audit?target=bob&action=user.')
        assert.ok(named.body.events.every(({ target }) => target === 'user:bob'))
      })
    })
  })
}
