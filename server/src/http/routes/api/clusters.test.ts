import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import type { ClusterDetail, ClusterList } from '@atrium/contract/clusters-api.ts'

import { type DaskSite, withDaskSite } from '#http/testing/dask-site.ts'
import { testStoreKinds } from '#store/testing.ts'

interface Client {
  ask<T>(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: T }>
}

async function createClient(site: DaskSite, user: string, scopes?: readonly string[]): Promise<Client> {
  const authorization = `Bearer ${await site.makeToken(user, scopes)}`
  return {
    async ask(method, url, body) {
      const payload = body === undefined ? {} : { payload: JSON.stringify(body) }
      const answer = await site.app.inject({ method, url, headers: { authorization }, ...payload })
      return { status: answer.statusCode, body: JSON.parse(answer.body || '{}') }
    },
  }
}

const path = '/api/v1/clusters'

for (const kind of testStoreKinds) {
  describe(`Atrium's own API of clusters on ${kind.kind}`, () => {
    test('shows a cluster with everything known of it', () =>
      withDaskSite(kind, async (site) => {
        const alice = await createClient(site, 'alice')
        const name = await site.makeCluster('alice')
        const chosen = { worker_cores: 2, environment_vars: { KEY: 'of the owner' } }
        site.clusters.set(name, { state: 'running', startedAtMs: 1_000_100, server: '', options: chosen })
        const { body } = await alice.ask<ClusterDetail>('GET', `${path}/${name}`)
        const { options, ...rest } = body
        assert.deepEqual(options, { worker_cores: 2, environment_vars: { KEY: '…' } })
        assert.deepEqual(rest, {
          name,
          user: 'alice',
          state: 'running',
          server: '',
          environment: '/envs/platform',
          worker: { cpu: 1, memoryBytes: 2 * 1024 ** 3, gpu: 0, preemptible: false },
          workers: { wanted: 0, running: 0, waiting: 0, limit: 10 },
          dashboardUrl: `/gateway/clusters/${name}/status`,
          schedulerJob: 'c1',
          idleTimeoutMs: 1_800_000,
          createdAtMs: 1_000_000,
          startedAtMs: 1_000_100,
          use: { coreHours: 0, gpuHours: 0, memoryGibHours: 0, cost: 0 },
          currency: 'EUR',
          workerList: [{ name: `${name}-w1`, job: 'w1', state: 'running', node: 'n1' }],
        })
      }))

    test('lists the own ones, and everybody’s to who may see all', () =>
      withDaskSite(kind, async (site) => {
        const [ofAlice, ofBob] = [await site.makeCluster('alice'), await site.makeCluster('bob')]
        const list = async (user: string, query = '') => {
          const client = await createClient(site, user)
          const { status, body } = await client.ask<ClusterList>('GET', path + query)
          return status === 200 ? body.clusters.map(({ name }) => name) : status
        }
        assert.deepEqual(await list('alice'), [ofAlice])
        assert.deepEqual(await list('ada'), [ofBob, ofAlice])
        assert.deepEqual(await list('ada', '?user=bob'), [ofBob])
        assert.deepEqual(await list('ada', '?user=nobody'), [])
        assert.equal(await list('alice', '?user=bob'), 404)
        site.clusters.set(ofBob, { state: 'failed' })
        assert.deepEqual(await list('ada'), [ofAlice])
        assert.deepEqual(await list('ada', '?state=ended'), [ofBob])
        assert.deepEqual(await list('ada', '?state=all'), [ofBob, ofAlice])
        assert.equal(await list('ada', '?state=asleep'), 400)
      }))

    test('scales by a number or between bounds, and stops', () =>
      withDaskSite(kind, async (site) => {
        const alice = await createClient(site, 'alice')
        const name = await site.makeCluster('alice')
        const scale = (body: unknown) =>
          alice.ask<ClusterDetail & { cut?: string }>('POST', `${path}/${name}/scale`, body)
        assert.equal((await scale({ workers: 1 })).status, 409)
        site.clusters.set(name, { state: 'running' })
        assert.equal((await scale({ workers: 3 })).body.workers.wanted, 3)
        assert.equal((await scale({ workers: 99 })).body.cut, 'Scaling to 10 instead.')
        assert.equal((await scale({ minimum: 1, maximum: 4 })).status, 200)
        assert.deepEqual(site.clusters.adapted, [{ minimum: 1, maximum: 4, active: true }])
        for (const bad of [
          {},
          { workers: -1 },
          { workers: true },
          { minimum: 4, maximum: 1 },
          { minimum: 1 },
        ])
          assert.equal((await scale(bad)).status, 400, JSON.stringify(bad))
        assert.equal((await alice.ask('DELETE', `${path}/${name}`)).status, 204)
        const ada = await createClient(site, 'ada')
        assert.equal((await ada.ask('DELETE', `${path}/${name}`)).status, 204)
        assert.deepEqual(site.clusters.stops, [
          { name, actor: 'user:alice', reason: 'requested' },
          { name, actor: 'user:ada', reason: 'requested', message: 'Stopped by ada.' },
        ])
      }))

    test('is closed to others and to tokens that may not', () =>
      withDaskSite(kind, async (site) => {
        const name = await site.makeCluster('alice')
        const bob = await createClient(site, 'bob')
        const reader = await createClient(site, 'alice', ['read:clusters!user'])
        const one = `${path}/${name}`
        assert.equal((await bob.ask('GET', one)).status, 404)
        assert.equal((await bob.ask('GET', `${one}/log`)).status, 404)
        assert.equal((await reader.ask('GET', one)).status, 200)
        for (const client of [bob, reader]) {
          assert.equal((await client.ask('DELETE', one)).status, 404)
          assert.equal((await client.ask('POST', `${one}/scale`, { workers: 1 })).status, 404)
        }
        assert.equal((await reader.ask('GET', `${one}/log?worker=none`)).status, 404)
        assert.equal(
          (await (await createClient(site, 'alice', ['read:users!user'])).ask('GET', path)).status,
          403,
        )
      }))
  })
}
