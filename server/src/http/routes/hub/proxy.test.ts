import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { createClient, withHubSite } from '#http/testing/hub-site.ts'
import { waitFor } from '#platform/wait-for.ts'
import { testStoreKinds } from '#store/testing.ts'

for (const kind of testStoreKinds) {
  describe(`the proxy’s API on ${kind.kind}`, () => {
    test('lists routes by their path, in pages for who asks for pages', () =>
      withHubSite(kind, async (_site, replica) => {
        const admin = await createClient(replica, 'root-admin', { admin: true })
        await admin.request('POST', '/hub/api/users/root-admin/server')
        const routes = JSON.parse((await admin.request('GET', '/hub/api/proxy')).body)
        assert.deepEqual(Object.keys(routes), ['/', '/user/root-admin/'])
        assert.deepEqual(routes['/'], { routespec: '/', target: 'http://hub', data: { hub: true } })
        assert.deepEqual(routes['/user/root-admin/'].data, { user: 'root-admin', server_name: '' })
        const accept = 'application/jupyterhub-pagination+json'
        const paged = await admin.request('GET', '/hub/api/proxy?offset=1&limit=1', undefined, { accept })
        const { items, _pagination } = JSON.parse(paged.body)
        assert.deepEqual(Object.keys(items), ['/user/root-admin/'])
        assert.deepEqual(_pagination, { offset: 1, limit: 1, total: 2, next: null })
      }))

    test('tells the edge everything again', () =>
      withHubSite(kind, async ({ edge }, replica) => {
        const admin = await createClient(replica, 'root-admin', { admin: true })
        await admin.request('POST', '/hub/api/users/root-admin/server')
        await waitFor('the leader', () => edge.credentials.size > 0)
        await edge.apply([{ type: 'route-delete', prefix: '/user/root-admin/' }])
        assert.equal((await admin.request('POST', '/hub/api/proxy')).statusCode, 200)
        await waitFor('the route', () => edge.routes.has('/user/root-admin/'))
        assert.equal(
          (await admin.request('PATCH', '/hub/api/proxy', { api_url: 'http://x' })).statusCode,
          200,
        )
        const empty = await admin.request('PATCH', '/hub/api/proxy')
        assert.deepEqual([empty.statusCode, JSON.parse(empty.body).message], [400, 'need JSON body'])
      }))

    test('is for who holds its scope', () =>
      withHubSite(kind, async (_site, replica) => {
        const alice = await createClient(replica, 'alice')
        for (const method of ['GET', 'POST', 'PATCH'] as const)
          assert.equal((await alice.request(method, '/hub/api/proxy')).statusCode, 403)
      }))
  })
}
