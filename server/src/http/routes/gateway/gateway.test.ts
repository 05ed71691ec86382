import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { type DaskSite, withDaskSite } from '#http/testing/dask-site.ts'
import { waitFor } from '#platform/wait-for.ts'
import { testStoreKinds } from '#store/testing.ts'

const [kind] = testStoreKinds
const clustersPath = '/gateway/api/v1/clusters/'

function withSite(check: (site: DaskSite & { ask: Ask }) => Promise<void>): Promise<void> {
  assert.ok(kind !== undefined)
  return withDaskSite(kind, (site) => check({ ...site, ask: createAsk(site) }))
}

type Ask = (
  authorization: string | undefined,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: unknown,
) => Promise<{ status: number; body: Record<string, unknown>; headers: Record<string, unknown> }>

function createAsk({ app }: DaskSite): Ask {
  return async (authorization, method, url, body) => {
    const answer = await app.inject({
      method,
      url,
      headers: authorization === undefined ? {} : { authorization },
      ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    return {
      status: answer.statusCode,
      body: answer.body === '' ? {} : answer.json(),
      headers: answer.headers,
    }
  }
}

const basic = (user: string, password: string) =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
const ownToken = (name: string) => `token secret-of-${name}`

describe("Dask Gateway's protocol", () => {
  test('asks for credentials by a 401, and takes a token in each of the ways in which clients send it', () =>
    withSite(async ({ ask, makeToken }) => {
      const secret = await makeToken('alice')
      const refused = await ask(undefined, 'GET', clustersPath)
      assert.deepEqual(
        [refused.status, refused.body, refused.headers['www-authenticate']],
        [401, { error: 'Authentication required' }, 'jupyterhub'],
      )
      const good = [`jupyterhub ${secret}`, `token ${secret}`, `Bearer ${secret}`, basic('alice', secret)]
      for (const one of [...good, basic('anybody', secret)])
        assert.deepEqual([(await ask(one, 'GET', clustersPath)).status, one], [200, one])
      const bad = [
        'jupyterhub x',
        `Negotiate ${secret}`,
        'Basic !!!',
        basic(secret, ''),
        'token',
        `x ${secret}`,
      ]
      for (const one of bad) assert.deepEqual([(await ask(one, 'GET', clustersPath)).status, one], [401, one])
    }))

  test('says that it is there, and what may be chosen', () =>
    withSite(async ({ ask, makeToken }) => {
      assert.deepEqual((await ask(undefined, 'GET', '/gateway/api/health')).body, { status: 'pass' })
      assert.deepEqual((await ask(undefined, 'GET', '/gateway/api/version')).body, { version: '2026.3.0' })
      const alice = `jupyterhub ${await makeToken('alice')}`
      const { body } = await ask(alice, 'GET', '/gateway/api/v1/options')
      const fields = body['cluster_options'] as { field: string }[]
      assert.deepEqual(
        fields.map(({ field }) => field),
        [
          'worker_cores',
          'worker_memory',
          'worker_threads',
          'environment',
          'environment_vars',
          'idle_timeout',
          'client_timeout',
        ],
      )
    }))

  test('makes, lists, shows and stops a cluster', () =>
    withSite(async ({ ask, makeToken, clusters }) => {
      const alice = `jupyterhub ${await makeToken('alice')}`
      const made = await ask(alice, 'POST', clustersPath, { cluster_options: { worker_cores: 2 } })
      assert.equal(made.status, 201)
      const name = String(made.body['name'])
      assert.match(name, /^[0-9a-f]{32}$/)
      const pending = {
        name,
        dashboard_route: null,
        status: 'PENDING',
        start_time: 1_000_000,
        stop_time: null,
        options: clusters.all.get(name)?.options,
        tls_cert: null,
        tls_key: null,
      }
      assert.deepEqual((await ask(alice, 'GET', clustersPath)).body, { [name]: pending })
      assert.deepEqual((await ask(alice, 'GET', clustersPath + name)).body, pending)
      assert.deepEqual((await ask(alice, 'GET', `${clustersPath}${name}?wait=0`)).body, pending)
      const running = {
        ...pending,
        status: 'RUNNING',
        dashboard_route: `/clusters/${name}/status`,
        tls_cert: 'CERT',
        tls_key: 'KEY',
      }
      assert.deepEqual((await ask(alice, 'GET', `${clustersPath}${name}?wait`)).body, running)
      assert.equal((await ask(alice, 'DELETE', clustersPath + name)).status, 204)
      assert.equal((await ask(alice, 'DELETE', clustersPath + name)).status, 204)
      assert.deepEqual((await ask(alice, 'GET', clustersPath)).body, {})
      const stopped = await ask(alice, 'GET', `${clustersPath}?status=STOPPED,failed`)
      assert.deepEqual(stopped.body, { [name]: { ...pending, status: 'STOPPED', stop_time: 2_000_000 } })
    }))

  test('answers who waits as soon as the control plane is to end, and keeps no connection', () =>
    withSite(async ({ app, makeToken, makeCluster, clusters }) => {
      clusters.isSlow = true
      const name = await makeCluster('alice')
      const headers = { authorization: `jupyterhub ${await makeToken('alice')}` }
      const url = await app.listen({ host: '127.0.0.1', port: 0 })
      const waiting = fetch(`${url}${clustersPath}${name}?wait`, { headers })
      await waitFor('the question', async () => clusters.waiting === 1)
      const closed = app.close()
      const answer = await waiting
      assert.equal(((await answer.json()) as { status: string }).status, 'PENDING')
      assert.equal(answer.headers.get('connection'), 'close')
      await closed
    }))

  test('refuses what it does not know in words that the client shows', () =>
    withSite(async ({ ask, makeToken }) => {
      const alice = `jupyterhub ${await makeToken('alice')}`
      const cases: readonly ['GET' | 'POST' | 'DELETE', string, unknown, number, string][] = [
        ['GET', `${clustersPath}?status=SLEEPING`, undefined, 422, "'SLEEPING' is not a valid ClusterStatus"],
        [
          'GET',
          `${clustersPath}?status=constructor`,
          undefined,
          422,
          "'constructor' is not a valid ClusterStatus",
        ],
        ['GET', `${clustersPath}?status=`, undefined, 422, "'' is not a valid ClusterStatus"],
        ['GET', `${clustersPath}none`, undefined, 404, 'Cluster none not found'],
        ['GET', `${clustersPath}..%2f..%2fx`, undefined, 404, 'Cluster ../../x not found'],
        ['POST', clustersPath, { cluster_options: { x: 1 } }, 422, "Unknown fields ['x']"],
        ['POST', clustersPath, { cluster_options: [1] }, 422, "options must be a dict, got 'list'"],
        ['POST', clustersPath, [], 422, 'The body must be a JSON object'],
        ['POST', clustersPath, '{', 422, 'Invalid JSON in body of request'],
        ['POST', `${clustersPath}none/scale`, { count: 1 }, 404, 'Cluster none not found'],
        ['POST', `${clustersPath}none/adapt`, {}, 404, 'Cluster none not found'],
        ['GET', '/gateway/api/v2/clusters', undefined, 404, 'There is nothing here.'],
        ['DELETE', '/gateway/api/version', undefined, 405, 'This method is not supported here.'],
      ]
      for (const [method, path, body, status, error] of cases) {
        const answer = await ask(alice, method, path, body)
        assert.deepEqual([answer.status, answer.body, path], [status, { error }, path])
      }
      assert.equal((await ask(alice, 'DELETE', `${clustersPath}none`)).status, 204, 'as the reference')
      assert.equal((await ask(alice, 'POST', clustersPath, { cluster_options: null })).status, 201)
    }))

  test('scales within what a cluster may have, and says so', () =>
    withSite(async ({ ask, makeToken, makeCluster, clusters }) => {
      const alice = `jupyterhub ${await makeToken('alice')}`
      const name = await makeCluster('alice')
      const scale = (count: unknown) => ask(alice, 'POST', `${clustersPath}${name}/scale`, { count })
      const early = await scale(1)
      assert.deepEqual([early.status, early.body], [409, { error: `cluster ${name} is not running` }])
      clusters.set(name, { state: 'running' })
      assert.deepEqual((await scale(4)).body, { ok: true, msg: null })
      assert.deepEqual((await scale(1e9)).body, { ok: false, msg: 'Scaling to 10 instead.' })
      const bad = [true, -1, 1.5, '3', null, [], 1e300, 2 ** 53]
      for (const count of bad) {
        const { status, body } = await scale(count)
        assert.equal(status, 422, JSON.stringify(count))
        assert.match(String(body['error']), /^Scale expects a non-negative integer, got /)
      }
      assert.equal(clusters.all.get(name)?.workers.wanted, 10)
    }))

  test('adapts between bounds that can be', () =>
    withSite(async ({ ask, makeToken, makeCluster, clusters }) => {
      const alice = `jupyterhub ${await makeToken('alice')}`
      const name = await makeCluster('alice')
      const adapt = (body: unknown) => ask(alice, 'POST', `${clustersPath}${name}/adapt`, body)
      assert.equal((await adapt({})).status, 200)
      assert.equal((await adapt({ minimum: 0, maximum: 10_000, active: true })).status, 200)
      assert.equal((await adapt({ minimum: null, maximum: null, active: false })).status, 200)
      const bad: readonly [unknown, RegExp][] = [
        [{ minimum: -1 }, /^Adapt expects minimum to be a non-negative integer or None, got -1$/],
        [{ maximum: true }, /maximum .* got True$/],
        [{ maximum: 'many' }, /got many$/],
        [{ minimum: 3, maximum: 2 }, /minimum to be at most maximum, got 3 and 2$/],
        [{ active: 1 }, /active to be a bool, got 1$/],
      ]
      for (const [body, error] of bad) {
        const answer = await adapt(body)
        assert.equal(answer.status, 422)
        assert.match(String(answer.body['error']), error)
      }
      assert.deepEqual(clusters.adapted, [
        { minimum: null, maximum: null, active: true },
        { minimum: 0, maximum: 10_000, active: true },
        { minimum: null, maximum: null, active: false },
      ])
    }))

  test("shows nobody else's clusters, and lets administrators by name at all", () =>
    withSite(async ({ ask, makeToken, makeCluster, clusters }) => {
      const [bob, ada] = [`token ${await makeToken('bob')}`, `token ${await makeToken('ada')}`]
      const name = await makeCluster('alice')
      clusters.set(name, { state: 'running' })
      for (const asked of [
        await ask(bob, 'GET', clustersPath + name),
        await ask(bob, 'GET', `${clustersPath}${name}?wait`),
        await ask(bob, 'POST', `${clustersPath}${name}/scale`, { count: 1 }),
        await ask(bob, 'POST', `${clustersPath}${name}/adapt`, {}),
      ]) {
        const error = `User bob lacks permissions to view cluster ${name}`
        assert.deepEqual([asked.status, asked.body], [403, { error }])
      }
      const stopping = await ask(bob, 'DELETE', clustersPath + name)
      const error = `User bob lacks permissions to stop cluster ${name}`
      assert.deepEqual([stopping.status, stopping.body], [403, { error }])
      assert.deepEqual((await ask(bob, 'GET', clustersPath)).body, {})
      // Their scripts that stop everything they list must not stop everybody's.
      assert.deepEqual((await ask(ada, 'GET', clustersPath)).body, {})
      assert.equal((await ask(ada, 'GET', clustersPath + name)).body['tls_key'], 'KEY')
      assert.equal((await ask(ada, 'DELETE', clustersPath + name)).status, 204)
      assert.deepEqual(clusters.stops, [{ name, actor: 'user:ada', reason: 'requested' }])
    }))

  test('does no more than a token may, and gives no keys to one that only reads', () =>
    withSite(async ({ ask, makeToken, makeCluster, clusters }) => {
      const reader = `jupyterhub ${await makeToken('alice', ['read:clusters!user'])}`
      const other = `jupyterhub ${await makeToken('alice', ['read:users!user'])}`
      const name = await makeCluster('alice')
      clusters.set(name, { state: 'running', options: { environment_vars: { KEY: 'of the owner' } } })
      const { body, status } = await ask(reader, 'GET', clustersPath + name)
      assert.deepEqual(body['options'], { environment_vars: { KEY: '…' } })
      assert.deepEqual(
        [status, body['status'], body['tls_key'], body['tls_cert']],
        [200, 'RUNNING', null, null],
      )
      const tries = (as: string) =>
        Promise.all([
          ask(as, 'POST', clustersPath, {}),
          ask(as, 'GET', '/gateway/api/v1/options'),
          ask(as, 'DELETE', clustersPath + name),
          ask(as, 'POST', `${clustersPath}${name}/scale`, { count: 1 }),
        ])
      for (const as of [reader, other]) {
        for (const answer of await tries(as)) {
          assert.equal(answer.status, 403)
          assert.equal(typeof answer.body['error'], 'string')
        }
      }
      assert.equal((await ask(other, 'GET', clustersPath)).status, 403)
      assert.equal((await ask(other, 'GET', clustersPath + name)).status, 403)
      assert.equal(clusters.stops.length, 0)
    }))

  test("hears a scheduler by its cluster's own token, and nobody else", () =>
    withSite(async ({ ask, makeToken, makeCluster, clusters }) => {
      const [name, another] = [await makeCluster('alice'), await makeCluster('alice')]
      const beat = {
        scheduler_address: 'tls://10.0.0.1:1',
        count: 2,
        active_workers: ['a', 7],
        closing_workers: [],
        closed_workers: ['c'],
      }
      const path = `${clustersPath}${name}/heartbeat`
      const alice = `jupyterhub ${await makeToken('alice')}`
      for (const as of [undefined, alice, ownToken(another), 'token x', ownToken('none')])
        assert.equal((await ask(as, 'POST', path, beat)).status, 401)
      assert.deepEqual(clusters.heartbeats, [])
      assert.deepEqual((await ask(ownToken(name), 'POST', path, beat)).status, 200)
      assert.deepEqual(clusters.heartbeats, [
        { count: 2, activeWorkers: ['a'], closingWorkers: [], closedWorkers: ['c'] },
      ])
      for (const bad of [{ ...beat, count: -1 }, { ...beat, closed_workers: 'x' }, [], 'null'])
        assert.equal((await ask(ownToken(name), 'POST', path, bad)).status, 422)
    }))

  test('lets a scheduler end its own cluster and no other', () =>
    withSite(async ({ ask, makeCluster, clusters }) => {
      const [name, another] = [await makeCluster('alice'), await makeCluster('alice')]
      assert.equal((await ask(ownToken(another), 'DELETE', clustersPath + name)).status, 401)
      assert.equal((await ask(undefined, 'DELETE', clustersPath + name)).status, 401)
      assert.equal((await ask(ownToken(name), 'GET', clustersPath + name)).status, 401)
      assert.equal((await ask(ownToken(name), 'DELETE', clustersPath + name)).status, 204)
      assert.equal(
        (await ask(ownToken(another), 'DELETE', `${clustersPath}${another}?reason=no_clients`)).status,
        204,
      )
      assert.deepEqual(
        clusters.stops.map(({ actor, reason }) => [actor, reason]),
        [
          [`cluster:${name}`, 'idle'],
          [`cluster:${another}`, 'no_clients'],
        ],
      )
    }))
})
