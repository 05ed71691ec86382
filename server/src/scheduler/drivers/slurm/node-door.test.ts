import assert from 'node:assert/strict'
import { test } from 'node:test'

import { isPlatformError } from '@atrium/contract/errors.ts'

import { createFakeClock } from '#platform/fake-clock.ts'
import { createSilentLogger } from '#platform/log.ts'
import type { JobSpec } from '#scheduler/job.ts'
import { createMemoryPlacements } from '#scheduler/job-placement.ts'
import type { NodeRequest } from '#scheduler/node-door.ts'
import { createNodeDoor } from './node-door.ts'
import { createPretendMunge, sign } from './testing/pretend-munge.ts'

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

async function createSite(wanted: { spec?: JobSpec | undefined } = { spec }) {
  const placements = createMemoryPlacements()
  await placements.record(new Map([[key, { uid: 2001, ref: '7' }]]))
  const munge = createPretendMunge()
  const news: string[] = []
  const clock = createFakeClock()
  const door = createNodeDoor({
    launches: { findLaunch: async () => wanted.spec },
    placements,
    munge,
    logPath: (of) => `/shared/logs/${of}`,
    heard: (of, what) => news.push(`${of} ${what}`),
    clock,
    log: createSilentLogger(),
  })
  return { door, placements, munge, news, clock, read: async () => (await placements.read([key])).get(key) }
}

const launch = { key, claimant: '7', node: 'n1' }

test('answers a job to its owner alone', async () => {
  const { door, news, read } = await createSite()
  const [, reader, text] = /^MUNGE:for (\d+):(.*)$/s.exec(await door.launch(sign(launch))) ?? []
  assert.equal(reader, '2001')
  assert.deepEqual(JSON.parse(text ?? ''), {
    key,
    claimant: '7',
    command: ['jupyterhub-singleuser'],
    environment: { JUPYTERHUB_API_TOKEN: 'secret' },
    workingDirectory: '/home/alice',
    ports: ['http'],
    tasks: 1,
    umask: 0o077,
    log: { path: `/shared/logs/${key}`, limitBytes: 32 * 2 ** 20 },
  })
  assert.equal((await read())?.claimedBy, '7')
  assert.deepEqual(news, [`${key} started`])
})

test('refuses who proves nothing, and who proves to be somebody else', async () => {
  const { door, read } = await createSite()
  const once = sign(launch)
  await door.launch(once)
  const other = sign(launch)
  const refusals: readonly [NodeRequest, string][] = [
    [{ ...other, credential: undefined }, 'unauthenticated'],
    [{ ...other, credential: 'nonsense' }, 'unauthenticated'],
    [{ ...other, credential: `MUNGE:${'x'.repeat(5000)}` }, 'unauthenticated'],
    [once, 'unauthenticated'],
    [{ ...sign(launch), body: other.body }, 'unauthenticated'],
    [sign(launch, { uid: 2002 }), 'forbidden'],
    [sign(launch, { uid: 0 }), 'forbidden'],
    [sign({ ...launch, key: '../../etc' }), 'bad_request'],
    [sign({ ...launch, claimant: '7; rm' }), 'bad_request'],
  ]
  for (const [request, code] of refusals) {
    await assert.rejects(door.launch(request), (error) => isPlatformError(error) && error.code === code)
    await assert.rejects(door.report(request), (error) => isPlatformError(error))
  }
  assert.equal((await read())?.claimedBy, '7')
})

test('gives a job to one of Slurm’s jobs, again if it asks again', async () => {
  const { door } = await createSite()
  await door.launch(sign(launch))
  await assert.rejects(door.launch(sign({ ...launch, claimant: '8' })), { code: 'conflict' })
  await assert.rejects(door.report(sign({ key, claimant: '8', oomKills: 1 })), { code: 'conflict' })
  await door.launch(sign(launch))
})

test('turns away what is not wanted any more, and says when munge is in the way', async () => {
  const wanted: { spec?: JobSpec | undefined } = {}
  const { door, munge, read } = await createSite(wanted)
  await assert.rejects(door.launch(sign(launch)), { code: 'gone' })
  await assert.rejects(door.launch(sign({ ...launch, key: 'server-other-1' })), { code: 'gone' })
  wanted.spec = { ...spec, owner: { ...spec.owner, uid: 2002 } }
  await assert.rejects(door.launch(sign(launch)), { code: 'gone' })
  assert.equal((await read())?.claimedBy, undefined)
  munge.isDown = true
  await assert.rejects(door.launch(sign(launch)), { code: 'scheduler_unavailable' })
})

test('keeps what a job tells, under the time of this side', async () => {
  const { door, news, clock, read } = await createSite()
  await door.launch(sign(launch))
  const about = { key, claimant: '7' }
  await door.report(sign({ ...about, host: '10.0.0.1', ports: { http: 20_000 } }))
  await door.report(sign({ ...about, oomKills: 1 }))
  await door.report(sign({ ...about, memoryBytes: 5, cpuSeconds: 0.5, new: 'unknown' }))
  await door.report(sign({ ...about, exit: { exitCode: 3, atMs: 1 } }))
  assert.deepEqual(await read(), {
    ...{ uid: 2001, ref: '7', claimedBy: '7', host: '10.0.0.1', ports: { http: 20_000 } },
    ...{ memoryBytes: 5, cpuSeconds: 0.5, oomKills: 1, exit: { exitCode: 3, atMs: clock.now() } },
  })
  assert.deepEqual(
    news.map((line) => line.split(' ')[1]),
    ['started', 'ports', 'memory', 'ended'],
  )
})

test('a job cannot point the platform elsewhere than to its node, nor to a port of the system', async () => {
  const { door, read } = await createSite()
  await door.launch(sign(launch))
  const about = { key, claimant: '7' }
  const ports = { http: 20_000 }
  const wrong = [
    sign({ ...about, ports, host: '127.0.0.1' }, { address: '10.0.0.1' }),
    sign({ ...about, ports, host: 'database.internal' }),
    sign({ ...about, ports: { http: 22 }, host: '10.0.0.1' }),
    sign({ ...about, ports: { 'Ht tp': 20_000 }, host: '10.0.0.1' }),
  ]
  for (const request of wrong) await assert.rejects(door.report(request), { code: 'bad_request' })
  assert.equal((await read())?.host, undefined)
  await door.report(sign({ ...about, ports, host: '10.0.0.1' }, { address: '::ffff:10.0.0.1' }))
  assert.equal((await read())?.host, '10.0.0.1')
})
