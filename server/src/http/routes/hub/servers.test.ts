import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { createClient, type HubReplica, withHubSite } from '#http/testing/hub-site.ts'
import { stopOwnerlessJobs } from '#hub/ownerless-jobs.ts'
import { systemActor } from '#observe/audit.ts'
import { waitFor } from '#platform/wait-for.ts'
import { testStoreKinds } from '#store/testing.ts'

const idle = { stop: true, afterMs: 3_600_000, warningMs: 300_000, cpuCores: 0.1 }

for (const kind of testStoreKinds) {
  describe(`servers on ${kind.kind}`, () => {
    test('a start answers 201 when the server is ready, and its route is live by then', () =>
      withHubSite(kind, async ({ edge, notebooks }, replica) => {
        const alice = await createClient(replica, 'alice')
        const started = await alice.request('POST', '/hub/api/users/alice/server')
        assert.equal(started.statusCode, 201, started.body)
        assert.equal(started.body, '')
        const route = edge.routes.get('/user/alice/')
        assert.match(route?.target ?? '', /^http:\/\/127\.0\.0\.1:\d+$/)
        assert.deepEqual(route?.access, { kind: 'server', user: 'alice', server: '' })
        const { statusCode, body } = await alice.request('GET', '/hub/api/users/alice/server')
        assert.equal(statusCode, 200)
        const { last_activity, started: at, ...model } = JSON.parse(body)
        assert.ok(last_activity === at && Date.parse(at) > 0)
        assert.deepEqual(model, {
          name: '',
          display_name: '',
          full_name: 'alice/',
          pending: null,
          ready: true,
          stopped: false,
          url: '/user/alice/',
          user_options: {},
          progress_url: '/hub/api/users/alice/server/progress',
          full_url: null,
          full_progress_url: null,
        })
        assert.equal(notebooks.environments.length, 1)
      }))

    test('the server’s own token reports activity, opens the server, and starts jobs and clusters of its owner, and nothing else', () =>
      withHubSite(kind, async ({ notebooks }, replica) => {
        const alice = await createClient(replica, 'alice')
        await createClient(replica, 'bob')
        await alice.request('POST', '/hub/api/users/alice/server')
        const authorization = `token ${notebooks.environments[0]?.['JUPYTERHUB_API_TOKEN']}`
        const principal = await replica.identity.principals.findByToken(authorization.slice('token '.length))
        assert.deepEqual(principal?.scopes.expanded, [
          'access:clusters!user=alice',
          'access:servers!server=alice/',
          'clusters!user=alice',
          'jobs!user=alice',
          'read:clusters!user=alice',
          'read:jobs!user=alice',
          'read:users:activity!user=alice',
          'read:users:groups!user=alice',
          'read:users:name!user=alice',
          'users:activity!user=alice',
        ])
        const report = { last_activity: new Date().toISOString() }
        const reported = await alice.request('POST', '/hub/api/users/alice/activity', report, {
          authorization,
        })
        assert.equal(reported.statusCode, 200, reported.body)
        const other = await alice.request('POST', '/hub/api/users/bob/activity', report, { authorization })
        assert.equal(other.statusCode, 404)
        const stop = await alice.request('DELETE', '/hub/api/users/alice/server', undefined, {
          authorization,
        })
        assert.equal(stop.statusCode, 403)
      }))

    test('a stop answers 204 when it has stopped; token, OAuth client and route are gone', () =>
      withHubSite(kind, async ({ edge, notebooks }, replica) => {
        const alice = await createClient(replica, 'alice')
        await alice.request('POST', '/hub/api/users/alice/server')
        const token = notebooks.environments[0]?.['JUPYTERHUB_API_TOKEN'] ?? ''
        const stopped = await alice.request('DELETE', '/hub/api/users/alice/server')
        assert.equal(stopped.statusCode, 204, stopped.body)
        assert.equal(await replica.identity.principals.findByToken(token), undefined)
        const clients = await replica.store.db.selectFrom('oauth_clients').selectAll().execute()
        assert.deepEqual(clients, [])
        await waitFor('the route to go', () => edge.routes.size === 0)
        const again = await alice.request('DELETE', '/hub/api/users/alice/server')
        assert.equal(again.statusCode, 204)
        const model = JSON.parse((await alice.request('GET', '/hub/api/users/alice/server')).body)
        assert.deepEqual([model.stopped, model.started, model.ready], [true, null, false])
      }))

    test('a stop that is not to be waited for answers 202 at once, and comes to its end', () =>
      withHubSite(kind, async ({ notebooks }, replica) => {
        const alice = await createClient(replica, 'alice')
        await alice.request('POST', '/hub/api/users/alice/server')
        const path = '/hub/api/users/alice/server'
        const stopped = await alice.request('DELETE', path, undefined, { prefer: 'respond-async' })
        assert.equal(stopped.statusCode, 202, stopped.body)
        await waitFor('the stop', async () => JSON.parse((await alice.request('GET', path)).body).stopped)
        assert.equal(notebooks.environments.length, 1)
      }))

    test('a second start is refused while it runs, and answers 202 while it is on its way', () =>
      withHubSite(kind, async ({ notebooks }, replica) => {
        const alice = await createClient(replica, 'alice')
        await alice.request('POST', '/hub/api/users/alice/server')
        const running = await alice.request('POST', '/hub/api/users/alice/server')
        assert.equal(running.statusCode, 400)
        assert.equal(JSON.parse(running.body).message, 'alice is already running')
        notebooks.behaviour = 'slow'
        const path = '/hub/api/users/alice/servers/slow'
        const first = await alice.request('POST', path, {}, { prefer: 'respond-async' })
        assert.equal(first.statusCode, 202, first.body)
        assert.equal((await alice.request('POST', path)).statusCode, 202)
        assert.equal(JSON.parse((await alice.request('GET', path)).body).pending, 'spawn')
        assert.equal((await alice.request('DELETE', path)).statusCode, 204)
      }))

    test('of two starts at the same time on two replicas one makes a job and both answer', () =>
      withHubSite(kind, async (site, first) => {
        const alice = await createClient(first, 'alice')
        const second = kind.kind === 'sqlite' ? first : await site.open()
        const post = (replica: HubReplica) =>
          replica.app.inject({
            method: 'POST',
            url: '/hub/api/users/alice/server',
            headers: { authorization: `token ${alice.token}` },
          })
        // The record is there from before: its making must not be what keeps the two apart.
        await post(first)
        await alice.request('DELETE', '/hub/api/users/alice/server')
        const answers = await Promise.all([post(first), post(second), post(first), post(second)])
        const codes = answers.map(({ statusCode }) => statusCode)
        assert.equal(codes.filter((code) => code === 201).length, 1, codes.join())
        for (const code of codes) assert.ok([201, 202, 400].includes(code), codes.join())
        assert.equal((await first.jobs.list({ kind: 'server' })).length, 2)
        assert.equal(site.notebooks.environments.length, 2)
      }))

    test('a start that fails says why, and the next one works', () =>
      withHubSite(kind, async ({ notebooks }, replica) => {
        const alice = await createClient(replica, 'alice')
        notebooks.behaviour = 'fail'
        const failed = await alice.request('POST', '/hub/api/users/alice/server')
        assert.equal(failed.statusCode, 500)
        const { message } = JSON.parse(failed.body)
        assert.match(message, /^Spawner failed to start: /)
        const progress = await alice.request('GET', '/hub/api/users/alice/server/progress')
        const event = JSON.parse(progress.body.trim().replace(/^data: /, ''))
        assert.equal(event.failed, true)
        assert.match(event.html_message, /No module named jupyterlab/)
        notebooks.behaviour = 'serve'
        assert.equal((await alice.request('POST', '/hub/api/users/alice/server')).statusCode, 201)
      }))

    test('a server that crashes is stopped for everybody at once', () =>
      withHubSite(kind, async ({ notebooks, edge }, replica) => {
        const alice = await createClient(replica, 'alice')
        await alice.request('POST', '/hub/api/users/alice/server')
        notebooks.crash.get('/user/alice/')?.()
        await waitFor('the route to go', () => edge.routes.size === 0)
        const model = JSON.parse((await alice.request('GET', '/hub/api/users/alice/server')).body)
        assert.equal(model.stopped, true)
        await waitFor('the token to go', async () => {
          const tokens = await replica.store.db
            .selectFrom('tokens')
            .selectAll()
            .where('server_id', 'is not', null)
            .execute()
          return tokens.length === 0
        })
      }))

    test('user options are kept for the next start and choose the profile', () =>
      withHubSite(
        kind,
        async (_site, replica) => {
          const alice = await createClient(replica, 'alice')
          const path = '/hub/api/users/alice/server'
          const options = { profile: 'large', other: 1 }
          assert.equal((await alice.request('POST', path, { user_options: options })).statusCode, 201)
          const [job] = await replica.jobs.list({ kind: 'server' })
          assert.deepEqual(job?.spec.resources, { memoryBytes: 2 ** 30 })
          await alice.request('DELETE', path)
          assert.equal((await alice.request('POST', path)).statusCode, 201)
          assert.deepEqual(JSON.parse((await alice.request('GET', path)).body).user_options, options)
          await alice.request('DELETE', path)
          const refused = await alice.request('POST', path, { profile: 'gpu' })
          assert.equal(refused.statusCode, 403)
          assert.equal(
            JSON.parse(refused.body).message,
            'The profile "gpu" is not for this user. Choose one of: small, large.',
          )
        },
        {
          profiles: {
            idle,
            profiles: [
              { name: 'small' },
              { name: 'large', memoryBytes: 2 ** 30 },
              { name: 'gpu', gpu: 1, audience: { groups: ['ml'] } },
            ],
          },
        },
      ))

    test('bodies that are no such thing are refused in JupyterHub’s words', () =>
      withHubSite(kind, async (_site, replica) => {
        const alice = await createClient(replica, 'alice')
        const post = async (body: unknown) => {
          const { statusCode, body: text } = await alice.request('POST', '/hub/api/users/alice/server', body)
          return [statusCode, JSON.parse(text).message]
        }
        assert.deepEqual(await post([1]), [400, 'Body must be a JSON object'])
        assert.deepEqual(await post({ display_name: 1 }), [400, 'display_name must be a string'])
        assert.deepEqual(await post({ user_options: 'x' }), [400, 'user_options must be an object or null'])
      }))

    test('named servers: created, counted, renamed and removed', () =>
      withHubSite(kind, async (_site, replica) => {
        const alice = await createClient(replica, 'alice')
        const path = '/hub/api/users/alice/servers'
        const created = await alice.request('PUT', `${path}/gpu`, { display_name: 'My GPU' })
        assert.equal(created.statusCode, 201, created.body)
        assert.deepEqual(
          [JSON.parse(created.body).display_name, JSON.parse(created.body).stopped],
          ['My GPU', true],
        )
        assert.equal((await alice.request('PUT', `${path}/gpu`)).statusCode, 409)
        assert.equal((await alice.request('PUT', `${path}/`)).statusCode, 409)
        for (const bad of ['GPU', 'a--b', '-', 'å', 'a%2Fb', '..%2Fx']) {
          const refused = await alice.request('POST', `${path}/${bad}`)
          assert.equal(refused.statusCode, 400, bad)
        }
        assert.equal((await alice.request('POST', `${path}/two`)).statusCode, 201)
        const third = await alice.request('POST', `${path}/three`)
        assert.equal(third.statusCode, 400)
        assert.match(JSON.parse(third.body).message, /already has the maximum of 2 named servers/)
        const active = await alice.request('PATCH', `${path}/two`, { name: 'zwei' })
        assert.equal(
          JSON.parse(active.body).message,
          'alice:two is active. Please stop it before modifying it.',
        )
        const renamed = await alice.request('PATCH', `${path}/gpu`, { name: 'cpu' })
        assert.equal(JSON.parse(renamed.body).url, '/user/alice/cpu/')
        assert.equal((await alice.request('GET', `${path}/gpu`)).statusCode, 404)
        const removed = await alice.request('DELETE', `${path}/two`, { remove: true })
        assert.equal(removed.statusCode, 204)
        assert.equal((await alice.request('GET', `${path}/two`)).statusCode, 404)
        const missing = await alice.request('DELETE', `${path}/two`)
        assert.equal(JSON.parse(missing.body).message, "alice has no server named 'two'")
        const standard = await alice.request('DELETE', '/hub/api/users/alice/server', { remove: true })
        assert.equal(JSON.parse(standard.body).message, 'Cannot delete the default server')
      }))

    test('a server is another’s business only with the scope for it', () =>
      withHubSite(kind, async (_site, replica) => {
        const admin = await createClient(replica, 'root-admin', { admin: true })
        const bob = await createClient(replica, 'bob')
        await createClient(replica, 'alice')
        const path = '/hub/api/users/alice/server'
        for (const method of ['GET', 'POST', 'DELETE'] as const)
          assert.equal((await bob.request(method, path)).statusCode, 404, method)
        assert.equal((await admin.request('POST', path)).statusCode, 201)
        const { state } = JSON.parse((await admin.request('GET', path)).body)
        assert.equal(state.state, 'running')
        assert.equal((await admin.request('POST', '/hub/api/users/nobody/server')).statusCode, 404)
      }))

    test('what is beyond the quota stands in line, and starts when there is room', () =>
      withHubSite(
        kind,
        async (_site, replica) => {
          const alice = await createClient(replica, 'alice')
          await alice.request('POST', '/hub/api/users/alice/server')
          const second = await alice.request('POST', '/hub/api/users/alice/servers/two')
          assert.equal(second.statusCode, 202, second.body)
          await alice.request('DELETE', '/hub/api/users/alice/server')
          await waitFor('the second to start', async () => {
            const { body } = await alice.request('GET', '/hub/api/users/alice/servers/two')
            return JSON.parse(body).ready
          })
        },
        { limits: { defaultUser: { servers: 1 } } },
      ))

    test('a user who is to be deleted has all servers stopped', () =>
      withHubSite(kind, async (_site, replica) => {
        const alice = await createClient(replica, 'alice')
        await alice.request('POST', '/hub/api/users/alice/server')
        await alice.request('POST', '/hub/api/users/alice/servers/two')
        assert.equal(await replica.hub.stopper.stopAll(alice.user, systemActor), 'stopped')
        assert.deepEqual(await replica.jobs.list({ active: true }), [])
      }))

    test('a job whose server is gone is ended', () =>
      withHubSite(kind, async (_site, replica) => {
        const alice = await createClient(replica, 'alice')
        const bob = await createClient(replica, 'bob')
        await alice.request('POST', '/hub/api/users/alice/server')
        await bob.request('POST', '/hub/api/users/bob/server')
        await replica.identity.users.remove('alice', systemActor)
        assert.equal(await stopOwnerlessJobs(replica), 1)
        const left = await waitFor('its end', async () => {
          const active = await replica.jobs.list({ active: true })
          return active.length === 1 ? active : undefined
        })
        assert.equal(left[0]?.userId, bob.user.id)
      }))

    test('models of many users come with what is active, and with the rest when asked for', () =>
      withHubSite(kind, async (_site, replica) => {
        const alice = await createClient(replica, 'alice')
        const bob = await createClient(replica, 'bob')
        await alice.request('POST', '/hub/api/users/alice/server')
        await bob.request('PUT', '/hub/api/users/bob/servers/idle')
        const { models } = replica.hub
        const users = [alice.user, bob.user]
        const names = async (includeStopped: boolean) => {
          const found = await models.ofUsers(users, { includeStopped })
          return users.map(({ id }) => (found.get(id) ?? []).map(({ full_name }) => full_name))
        }
        assert.deepEqual(await names(false), [['alice/'], []])
        assert.deepEqual(await names(true), [['alice/'], ['bob/', 'bob/idle']])
        assert.deepEqual([...(await models.usersWith('ready'))], [alice.user.id])
      }))
  })
}
