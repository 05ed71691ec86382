import type { ClusterDetail, ClusterWorker } from '@atrium/contract/clusters-api.ts'

const minuteMs = 60_000
const gibibyte = 1024 ** 3

/** A cluster's name as the platform makes them, the same for the same number. */
function nameOf(index: number): string {
  return Array.from({ length: 4 }, (_, part) =>
    (((index + 1) * 2654435761 + part * 40503 * 65537) >>> 0).toString(16).padStart(8, '0'),
  ).join('')
}

type Rest = Partial<Omit<ClusterDetail, 'workers'>> & { workers?: Partial<ClusterDetail['workers']> }

function buildCluster(nowMs: number, index: number, rest: Rest): ClusterDetail {
  const name = nameOf(index)
  const createdAtMs = nowMs - (index + 1) * 37 * minuteMs
  return {
    name,
    user: 'ada',
    state: 'running',
    server: '',
    environment: '/var/lib/atrium/environments/default',
    options: {},
    worker: { cpu: 2, memoryBytes: 8 * gibibyte, gpu: 0, preemptible: false },
    schedulerJob: `dask-scheduler-${name.slice(0, 8)}`,
    idleTimeoutMs: 30 * minuteMs,
    clientTimeoutMs: 10 * minuteMs,
    createdAtMs,
    startedAtMs: createdAtMs + 900,
    currency: 'EUR',
    use: { coreHours: 11.4, gpuHours: 0, memoryGibHours: 46.2, cost: 0.68 },
    workerList: [],
    ...rest,
    workers: { wanted: 0, running: 0, waiting: 0, limit: 32, ...rest.workers },
    ...((rest.state ?? 'running') === 'running' && { dashboardUrl: `/gateway/clusters/${name}/status` }),
  }
}

function listWorkers(
  count: number,
  restOf: (index: number) => Partial<ClusterWorker> = () => ({}),
): ClusterWorker[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `worker-${index}`,
    job: `dask-worker-${index}`,
    state: 'running' as const,
    node: `node-${(index % 4) + 1}`,
    memoryBytes: (0.4 + ((index * 37) % 50) / 20) * gibibyte,
    cpuSeconds: 240 + index * 13,
    ...restOf(index),
  }))
}

/** Clusters in every state, newest first. `alice` has none. */
export function buildClusters(nowMs: number): ClusterDetail[] {
  const waiting: Partial<ClusterWorker> = {
    state: 'waiting',
    message: 'Group astro uses 48 of 48 cores. It starts when some are free.',
  }
  return [
    buildCluster(nowMs, 0, {
      state: 'pending',
      message: 'The scheduler waits for a free node (Resources).',
      workers: { wanted: 4 },
      use: { coreHours: 0, gpuHours: 0, memoryGibHours: 0, cost: 0 },
    }),
    buildCluster(nowMs, 1, {
      server: 'notes',
      workers: { wanted: 8, running: 5, waiting: 3 },
      workerList: listWorkers(8, (index) =>
        index < 5 ? {} : { ...waiting, ...(index === 7 && { state: 'starting', message: 'Python starts.' }) },
      ).map((worker) => (worker.state === 'running' ? worker : withoutUse(worker))),
    }),
    buildCluster(nowMs, 2, {
      worker: { cpu: 4, memoryBytes: 32 * gibibyte, gpu: 1, preemptible: true },
      options: { profile: 'gpu', image: 'rapids-26.10', debug: false },
      environment: '/shared/environments/rapids/4f1c09',
      adapt: { minimum: 0, maximum: 20 },
      workers: { wanted: 6, running: 6, limit: 20 },
      workerList: listWorkers(7, (index) =>
        index === 6 ? { state: 'ended', message: 'A job of higher priority needed its node. Replaced.' } : {},
      ),
      use: { coreHours: 88.2, gpuHours: 22.1, memoryGibHours: 705, cost: 26.07 },
    }),
    buildCluster(nowMs, 3, {
      state: 'stopping',
      workers: { wanted: 0, running: 2 },
      workerList: listWorkers(2),
    }),
    buildCluster(nowMs, 4, {
      state: 'failed',
      message: 'The scheduler exited with status 1 before it answered. Its log says why.',
      stoppedAtMs: nowMs - 180 * minuteMs,
    }),
    buildCluster(nowMs, 5, {
      state: 'stopped',
      message: 'Nothing was computed for 30 min.',
      stoppedAtMs: nowMs - 100 * minuteMs,
      workerList: listWorkers(3, () => ({ state: 'ended' })),
    }),
    buildCluster(nowMs, 6, {
      user: 'ben.berg',
      workers: { wanted: 200, running: 187, waiting: 13, limit: 256 },
      workerList: listWorkers(200, (index) => (index < 187 ? {} : waiting)),
      use: { coreHours: 2140, gpuHours: 0, memoryGibHours: 8560, cost: 128.4 },
    }),
    buildHostileCluster(nowMs),
  ]
}

function withoutUse({ name, job, state, message }: ClusterWorker): ClusterWorker {
  return { name, job, state, ...(message && { message }) }
}

/** Every text that is not the platform's own tries to be more than text. */
function buildHostileCluster(nowMs: number): ClusterDetail {
  const attack = '<img src=x onerror="document.title=\'owned\'">'
  return buildCluster(nowMs, 7, {
    user: 'carla.berg',
    server: attack,
    environment: `/home/carla/${'very-'.repeat(40)}long`,
    options: { [attack]: attack, ['x'.repeat(120)]: 'y'.repeat(400) },
    message: `${attack} ${'w'.repeat(300)}`,
    workers: { wanted: 2, running: 2 },
    workerList: listWorkers(2, (index) => ({
      name: `${'worker-'.repeat(20)}${index}`,
      message: attack,
      node: 'n'.repeat(80),
    })),
  })
}
