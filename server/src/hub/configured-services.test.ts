import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { authenticateOauthClient } from '#identity/oauth-clients.ts'
import { createTestIdentity } from '#identity/testing.ts'
import { createFakeClock } from '#platform/fake-clock.ts'
import type { Change, Store } from '#store/store.ts'
import { testStoreKinds } from '#store/testing.ts'

import { applyServiceConfig } from './configured-services.ts'
import type { ServiceConfig } from './service-config.ts'

const clock = createFakeClock()

const stats: ServiceConfig = {
  name: 'stats',
  url: 'http://127.0.0.1:9999',
  apiToken: 'first-token',
  environment: {},
  admin: false,
  display: true,
  info: { title: 'Statistics' },
  oauthClientAllowedScopes: ['read:users!user'],
}

for (const kind of testStoreKinds) {
  describe(`services of the configuration on ${kind.kind}`, () => {
    const withStore = async (check: (store: Store) => Promise<void>) => {
      const site = await kind.createSite()
      const store = await site.open({ clock })
      try {
        await check(store)
      } finally {
        await store.close()
        await site.dispose()
      }
    }

    test('come with their token and OAuth client, and nothing is announced when nothing changed', () =>
      withStore(async (store) => {
        const identity = createTestIdentity({ store, clock })
        await applyServiceConfig({ store, clock }, [stats])
        const principal = await identity.principals.findByToken('first-token')
        assert.deepEqual([principal?.kind, principal?.name], ['service', 'stats'])
        const client = await authenticateOauthClient(store.db, 'service-stats', 'first-token')
        assert.deepEqual(client?.redirectUris, ['/services/stats/oauth_callback'])
        assert.deepEqual(client?.target, { kind: 'service', service: 'stats' })
        const changes: Change[] = []
        store.onChange((batch) => changes.push(...batch))
        await applyServiceConfig({ store, clock }, [stats])
        assert.deepEqual(
          changes.filter(({ topic }) => topic !== 'oauth-client'),
          [],
        )
        await identity.close()
      }))

    test('lose the token of a file that holds another one now', () =>
      withStore(async (store) => {
        const identity = createTestIdentity({ store, clock })
        await applyServiceConfig({ store, clock }, [stats])
        await applyServiceConfig({ store, clock }, [{ ...stats, apiToken: 'second-token' }])
        assert.equal(await identity.principals.findByToken('first-token'), undefined)
        assert.ok(await identity.principals.findByToken('second-token'))
        assert.equal(await authenticateOauthClient(store.db, 'service-stats', 'first-token'), undefined)
        await identity.close()
      }))

    test('sign nobody in any more by a client that the file has changed', () =>
      withStore(async (store) => {
        await applyServiceConfig({ store, clock }, [stats])
        await applyServiceConfig({ store, clock }, [{ ...stats, oauthClientId: 'service-numbers' }])
        assert.equal(await authenticateOauthClient(store.db, 'service-stats', 'first-token'), undefined)
        assert.ok(await authenticateOauthClient(store.db, 'service-numbers', 'first-token'))
        const { url: _, ...offline } = stats
        await applyServiceConfig({ store, clock }, [offline])
        assert.equal(await authenticateOauthClient(store.db, 'service-numbers', 'first-token'), undefined)
      }))

    test('go with all they had when the configuration does not name them any more', () =>
      withStore(async (store) => {
        const identity = createTestIdentity({ store, clock })
        await applyServiceConfig({ store, clock }, [stats])
        assert.ok(await identity.principals.findByToken('first-token'))
        await applyServiceConfig({ store, clock }, [])
        assert.equal(await identity.principals.findByToken('first-token'), undefined)
        assert.deepEqual(await identity.services.list(), [])
        await identity.close()
      }))
  })
}
