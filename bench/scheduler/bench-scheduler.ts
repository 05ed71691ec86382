import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { systemClock } from '@atrium/server/platform/clock.ts'
import { createSilentLogger } from '@atrium/server/platform/log.ts'
import { createSealedBox } from '@atrium/server/platform/sealed-box.ts'
import { memoryPrograms } from '@atrium/server/scheduler/drivers/memory/memory-programs.ts'
import { createMemoryScheduler } from '@atrium/server/scheduler/drivers/memory/memory-scheduler.ts'
import { MemoryWorld } from '@atrium/server/scheduler/drivers/memory/memory-world.ts'
import { buildAttemptKey } from '@atrium/server/scheduler/job-key.ts'
import { createJobs, type Jobs } from '@atrium/server/scheduler/jobs.ts'
import { buildTestRequest, noLimits } from '@atrium/server/scheduler/testing.ts'
import { openSqliteStore } from '@atrium/server/store/sqlite-store.ts'
import type { Store } from '@atrium/server/store/store.ts'

import type { Measurement } from '../measurement.ts'

const jobsThrough = 10_000
const jobsReadopted = 1000
const jobsAtOnce = 100
const requestsInTransaction = 100
const ended = { state: 'failed', reason: 'exit_status', message: 'It ended while nobody looked.' } as const

/** What the reconciler costs by itself: jobs on a pretend scheduler that takes no time, in the embedded database. No peer does the same. */
export async function benchScheduler({ rounds }: { rounds: number }): Promise<readonly Measurement[]> {
  const figures: { through: number; readopted: number; atOnce: number }[] = []
  for (let round = 1; round <= rounds; round++) {
    console.error(`scheduler, round ${round} of ${rounds}`)
    figures.push({
      through: await inFreshPlatform(measureThrough),
      readopted: await inFreshPlatform(measureReadopted),
      atOnce: await inFreshPlatform(measureAtOnce),
    })
  }
  const row = { better: 'lower', peer: [], peerName: '' } as const
  return [
    {
      ...row,
      name: `${jobsThrough} jobs requested, run and ended`,
      unit: 's',
      ours: figures.map(({ through }) => through / 1000),
    },
    {
      ...row,
      name: `${jobsReadopted} running jobs re-adopted`,
      unit: 'ms',
      ours: figures.map(({ readopted }) => readopted),
    },
    {
      ...row,
      name: `${jobsAtOnce} jobs requested one by one, all running`,
      unit: 'ms',
      ours: figures.map(({ atOnce }) => atOnce),
    },
  ]
}

interface Platform {
  store: Store
  world: MemoryWorld
  openJobs(): Jobs
}

async function inFreshPlatform(measure: (platform: Platform) => Promise<number>): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'atrium-bench-'))
  const log = createSilentLogger()
  const store = await openSqliteStore({ path: join(folder, 'atrium.db'), clock: systemClock, log })
  const world = new MemoryWorld({ clock: systemClock, programs: memoryPrograms })
  const box = createSealedBox(randomBytes(32))
  const openJobs = () =>
    createJobs({
      store,
      box,
      clock: systemClock,
      log,
      schedulers: { memory: createMemoryScheduler(world) },
      defaultDriver: 'memory',
      limits: noLimits,
      isReady: async () => true,
      replica: 'control-plane',
    })
  try {
    return await measure({ store, world, openJobs })
  } finally {
    world.dispose()
    await store.close()
    await rm(folder, { recursive: true })
  }
}

/** From the first request to the last recorded end. */
async function measureThrough({ store, openJobs }: Platform): Promise<number> {
  const jobs = openJobs()
  jobs.start()
  const begun = performance.now()
  for (let count = 0; count < jobsThrough; count += requestsInTransaction) {
    await store.transaction(async (tx) => {
      for (let index = 0; index < requestsInTransaction; index++) {
        await jobs.request(tx, buildTestRequest(['succeed'], { kind: 'batch' }))
      }
    })
  }
  await untilCount(store, 'succeeded', jobsThrough)
  const elapsedMs = performance.now() - begun
  await jobs.close()
  return elapsedMs
}

/** From the start of the next control plane until it has looked at all: those that ended meanwhile are recorded. */
async function measureReadopted({ store, world, openJobs }: Platform): Promise<number> {
  const first = openJobs()
  first.start()
  const keys: string[] = []
  await store.transaction(async (tx) => {
    for (let index = 0; index < jobsReadopted; index++) {
      keys.push((await first.request(tx, buildTestRequest(['wait']))).key)
    }
  })
  await untilCount(store, 'running', jobsReadopted)
  await first.close()
  const dead = keys.filter((_, index) => index % 100 === 0)
  for (const key of dead) world.end(buildAttemptKey(key, 1), ended)
  const second = openJobs()
  const begun = performance.now()
  second.start()
  await untilCount(store, 'failed', dead.length)
  const elapsedMs = performance.now() - begun
  if (world.listRuns().length !== jobsReadopted) throw new Error('a job was started twice')
  await second.close()
  return elapsedMs
}

async function measureAtOnce({ store, openJobs }: Platform): Promise<number> {
  const jobs = openJobs()
  jobs.start()
  const begun = performance.now()
  await Promise.all(
    Array.from({ length: jobsAtOnce }, () =>
      store.transaction((tx) => jobs.request(tx, buildTestRequest(['wait']))),
    ),
  )
  await untilCount(store, 'running', jobsAtOnce)
  const elapsedMs = performance.now() - begun
  await jobs.close()
  return elapsedMs
}

async function untilCount(
  store: Store,
  state: 'running' | 'succeeded' | 'failed',
  count: number,
): Promise<void> {
  const countNow = async () => {
    const query = store.db.selectFrom('jobs').select(({ fn }) => fn.countAll<number>().as('count'))
    return (await query.where('state', '=', state).executeTakeFirstOrThrow()).count
  }
  while ((await countNow()) < count) await new Promise((resolve) => setTimeout(resolve, 5))
}
