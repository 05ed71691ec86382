import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createApp } from '#http/app.ts'
import { systemClock } from '#platform/clock.ts'
import { createSilentLogger } from '#platform/log.ts'
import { createNodeDoor } from '#scheduler/drivers/slurm/node-door.ts'
import { createPretendMunge, sign } from '#scheduler/drivers/slurm/testing/pretend-munge.ts'
import type { JobSpec } from '#scheduler/job.ts'
import { createMemoryPlacements } from '#scheduler/job-placement.ts'
import type { NodeDoor } from '#scheduler/node-door.ts'
import { createNodeJobRoutes } from './node-jobs.ts'

const key = 'server-abc-1'
const spec: JobSpec = {
  key,
  kind: 'server',
  owner: { name: 'alice', login: 'alice', uid: 2001, gid: 2001, home: '/home/alice' },
  command: ['jupyterhub-singleuser'],
  environment: { JUPYTERHUB_API_TOKEN: 'secret' },
  workingDirectory: '/home/alice',
  resources: {},
  tasks: 1,
  ports: ['http'],
  labels: {},
}
const about = { key, claimant: '7' }

function openApp(nodeDoor: NodeDoor | undefined) {
  return createApp({
    routes: createNodeJobRoutes({ nodeDoor }),
    principals: { findByToken: () => undefined, findBySession: () => undefined },
    xsrfKey: Buffer.alloc(32, 1),
    secure: false,
    log: createSilentLogger(),
  })
}

async function createSite() {
  const placements = createMemoryPlacements()
  await placements.record(new Map([[key, { uid: 2001 }]]))
  const door = createNodeDoor({
    launches: { findLaunch: async (wanted) => (wanted === key ? spec : undefined) },
    placements,
    munge: createPretendMunge(),
    logPath: (of) => `/shared/logs/${of}`,
    heard: () => {},
    clock: systemClock,
    log: createSilentLogger(),
  })
  const app = openApp(door)
  const post = (
    what: 'launch' | 'report',
    { body, credential }: { body: string; credential?: string | undefined },
    headers = {},
  ) =>
    app.inject({
      method: 'POST',
      url: `/hub/api/jobs/${what}`,
      payload: body,
      remoteAddress: '10.0.0.1',
      headers: {
        'content-type': 'application/json',
        ...(credential === undefined ? {} : { authorization: `Munge ${credential}` }),
        ...headers,
      },
    })
  return { app, post, placements }
}

test('a launcher fetches its job and tells how it goes', async () => {
  const { post, placements } = await createSite()
  const launched = await post('launch', sign({ ...about, node: 'n1' }))
  assert.equal(launched.statusCode, 200)
  assert.match(String(launched.headers['content-type']), /^text\/plain/)
  assert.match(launched.body, /^MUNGE:for 2001:/)
  assert.equal(launched.headers['cache-control'], 'no-store')
  const told = await post('report', sign({ ...about, host: '10.0.0.1', ports: { http: 20_000 } }))
  assert.equal(told.statusCode, 204)
  assert.equal((await placements.read([key])).get(key)?.host, '10.0.0.1')
})

test('nobody is let in without a credential of the owner’s for this very request', async () => {
  const { post, placements } = await createSite()
  const content = { ...about, node: 'n1' }
  const once = sign(content)
  assert.equal((await post('launch', once)).statusCode, 200)
  const fresh = sign(content)
  for (const what of ['launch', 'report'] as const) {
    for (const request of [
      { body: fresh.body },
      { body: fresh.body, credential: 'garbage' },
      { body: fresh.body, credential: 'MUNGE:garbage:' },
      { body: fresh.body, credential: sign(content).credential },
      once,
      sign(content, { uid: 2002 }),
      sign(content, { uid: 0 }),
    ]) {
      const answer = await post(what, request)
      assert.equal(answer.statusCode, 403, `${what} ${JSON.stringify(request)}`)
      assert.doesNotMatch(answer.body, /secret/)
    }
  }
  assert.equal((await placements.read([key])).get(key)?.host, undefined)
})

test('says apart what is over, what another has and what is none', async () => {
  const { post } = await createSite()
  const status = async (content: object) => (await post('launch', sign(content))).statusCode
  assert.equal(await status({ ...about, key: 'server-other-1', node: 'n1' }), 410)
  assert.equal(await status({ ...about, node: 'n1' }), 200)
  assert.equal(await status({ ...about, claimant: '8', node: 'n1' }), 409)
  assert.equal(await status({ ...about, node: 5 }), 400)
  assert.equal((await post('launch', { ...sign({}), body: 'x'.repeat(20_000) })).statusCode, 413)
})

test('a job can send the platform to no other address than its own', async () => {
  const { post } = await createSite()
  await post('launch', sign({ ...about, node: 'n1' }))
  const report = (headers = {}) =>
    post('report', sign({ ...about, host: '127.0.0.1', ports: { http: 20_000 } }), headers)
  assert.equal((await report()).statusCode, 400)
})

test('where no job fetches itself there is nothing', async () => {
  const answer = await openApp(undefined).inject({
    method: 'POST',
    url: '/hub/api/jobs/launch',
    payload: '{}',
  })
  assert.equal(answer.statusCode, 404)
})
