import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'

import { type Clock, systemClock } from '@atrium/server/platform/clock.ts'
import { createSilentLogger } from '@atrium/server/platform/log.ts'
import { createSealedBox } from '@atrium/server/platform/sealed-box.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'
import { type ProgramKind, pythonProgram } from '@atrium/server/scheduler/conformance/programs.ts'
import { probeHttp } from '@atrium/server/scheduler/http-ready-probe.ts'
import type { JobKey } from '@atrium/server/scheduler/job.ts'
import { createLaunchSource } from '@atrium/server/scheduler/job-launch.ts'
import type { Job, JobRequest } from '@atrium/server/scheduler/job-record.ts'
import { createJobs, type Jobs } from '@atrium/server/scheduler/jobs.ts'
import { createPlacementStore } from '@atrium/server/scheduler/placement-store.ts'
import { buildTestRequest, noLimits } from '@atrium/server/scheduler/testing.ts'
import type { Store } from '@atrium/server/store/store.ts'
import { testStoreKinds } from '@atrium/server/store/testing.ts'

import type { SlurmCluster } from './cluster.ts'
import { createDriverSite, type DriverSite, type DriverSiteOptions, nodePython } from './driver-site.ts'

/** Jobs with the real reconciler, a database, and a real cluster to run on. */
export interface JobsSite {
  jobs: Jobs
  store: Store
  driver: DriverSite
  /** Wants a job of the conformance suite's programs, or of a command of one's own. */
  request(command: JobCommand, more?: RequestChanges): Promise<JobKey>
  stop(key: JobKey): Promise<void>
  /** The job once it is in one of these states. */
  until(key: JobKey, ...states: Job['state'][]): Promise<Job>
  dispose(): Promise<void>
}

type JobCommand = readonly [string, ...string[]]
type RequestChanges = NonNullable<Parameters<typeof buildTestRequest>[1]>

export const program = (kind: ProgramKind, ...args: string[]): JobCommand =>
  pythonProgram(nodePython)(kind, ...args)

/** Of a job that answers over HTTP on its port: it is ready when it does. */
export const server: { command: JobCommand; request: RequestChanges } = {
  command: program('serve', '{port:http}', 'hello'),
  request: { policy: { ready: { port: 'http', path: '/' } }, spec: { ports: ['http'] } },
}

const deadlineMs = 60_000

export async function createJobsSite(
  cluster: SlurmCluster,
  options: DriverSiteOptions & { clock?: Clock } = {},
): Promise<JobsSite> {
  const [sqlite] = testStoreKinds
  assert.ok(sqlite)
  const storeSite = await sqlite.createSite()
  const { clock = systemClock, ...driverOptions } = options
  const store = await storeSite.open({ clock })
  const box = createSealedBox(randomBytes(32))
  const records = { placements: createPlacementStore(store), launches: createLaunchSource({ store, box }) }
  const driver = await createDriverSite(cluster, { ...driverOptions, records })
  const jobs = createJobs({
    ...{ store, box, clock, log: createSilentLogger(), limits: noLimits, isReady: probeHttp },
    schedulers: { slurm: driver.scheduler },
    defaultDriver: 'slurm',
    replica: 'one',
  })
  jobs.start()
  return {
    jobs,
    store,
    driver,
    async request(command, more = {}) {
      const spec = { owner: driver.owner, workingDirectory: driver.workingDirectory, ...more.spec }
      const wanted: JobRequest = buildTestRequest(command, { ...more, spec })
      return (await store.transaction((tx) => jobs.request(tx, wanted))).key
    },
    stop: (key) => store.transaction((tx) => jobs.requestStop(tx, [key])),
    async until(key, ...states) {
      let last: Job | undefined
      const look = async () => {
        last = await jobs.find(key)
        return last !== undefined && states.includes(last.state) ? last : undefined
      }
      return waitFor(`${key} to be ${states.join(' or ')}`, look, { deadlineMs }).catch((error: unknown) =>
        assert.fail(`${error}; last seen: ${JSON.stringify(last)}`),
      )
    },
    async dispose() {
      await jobs.close()
      await driver.dispose()
      await store.close()
      await storeSite.dispose()
    },
  }
}

/** What a running server answers. */
export async function ask({ endpoint }: Job): Promise<string> {
  assert.ok(endpoint)
  const response = await fetch(`http://${endpoint.host}:${endpoint.ports['http']}/`, {
    signal: AbortSignal.timeout(5000),
  })
  return response.text()
}
