import type { AuditPage } from '@atrium/contract/audit-api.ts'
import type { HomeView } from '@atrium/contract/homes-api.ts'
import { hasEnded } from '@atrium/contract/jobs.ts'
import type { JobList, JobView, Queue } from '@atrium/contract/jobs-api.ts'
import type { NodeList } from '@atrium/contract/nodes-api.ts'
import type { QuotaList, QuotaView } from '@atrium/contract/quotas-api.ts'
import type { RoleList, RoleView } from '@atrium/contract/roles-api.ts'
import type { PlatformStatus } from '@atrium/contract/status-api.ts'

import { MockError, type MockRequest, type MockRoutes } from '#mock-api/router.ts'
import { streamText } from './servers.ts'

const gibibyte = 1024 ** 3

/** What administrators look after: jobs, quotas, nodes, roles, services, the record, the platform. */
export const operationRoutes: MockRoutes = {
  'GET /api/v1/jobs': listJobs,
  'GET /api/v1/jobs/:job': findJob,
  'DELETE /api/v1/jobs/:job': (request) => {
    findJob(request).state = 'cancelled'
  },
  'GET /api/v1/jobs/:job/log': (request) =>
    streamText('text/plain', request.signal, (sent) => ({
      text: `[I 10:14:0${sent}.101 ServerApp] line ${sent + 1} of ${findJob(request).key}\n`,
      isLast: sent === 8,
    })),
  'GET /api/v1/queue': ({ state }): Queue => {
    const jobs = state.jobs.filter((job) => isWanted(job, 'waiting'))
    return { jobs, waiting: jobs.filter((job) => job.place).length }
  },
  'GET /api/v1/quotas': (): QuotaList => ({ quotas }),
  'GET /api/v1/quotas/:user': ({ params }): QuotaList => ({
    quotas: [{ ...userQuota, name: params['user'] ?? '' }],
  }),
  'GET /api/v1/users/:user/home': ({ params }): HomeView => buildHome(params['user'] ?? ''),
  'GET /api/v1/nodes': (): NodeList => nodes,
  'GET /api/v1/roles': ({ state }): RoleList => ({ roles: state.roles }),
  'PUT /api/v1/roles/:role/holders/:kind/:name': (request) => {
    const { kind, name = '' } = request.params
    findRole(request).holders.push({ kind: kind as 'user', name, managed: false })
  },
  'DELETE /api/v1/roles/:role/holders/:kind/:name': (request) => {
    const role = findRole(request)
    role.holders = role.holders.filter((holder) => holder.name !== request.params['name'])
  },
  'GET /hub/api/services': ({ state }) =>
    Object.fromEntries(state.services.map((service) => [service.name, service])),
  'GET /api/v1/audit': listAudit,
  'GET /api/v1/status': describeStatus,
}

function listJobs({ state, url, user }: MockRequest): JobList {
  const { searchParams } = url
  const owner = user?.admin ? searchParams.get('user') : user?.name
  const wanted = searchParams.get('state') ?? 'active'
  const jobs = state.jobs.filter((job) => (!owner || job.user === owner) && isWanted(job, wanted))
  return pageOf(jobs, url, (job) => job.key, 'jobs') as JobList
}

function isWanted({ state }: JobView, wanted: string): boolean {
  if (wanted === 'waiting') return state === 'queued' || state === 'pending'
  if (wanted === 'all') return true
  return hasEnded(state) === (wanted === 'ended')
}

function pageOf<Item>(items: readonly Item[], url: URL, keyOf: (item: Item) => unknown, name: string) {
  const before = url.searchParams.get('before')
  const start = before ? items.findIndex((item) => String(keyOf(item)) === before) + 1 : 0
  const limit = Number(url.searchParams.get('limit') ?? 100)
  const page = items.slice(start, start + limit)
  const last = page.at(-1)
  return { [name]: page, ...(start + limit < items.length && last && { next: keyOf(last) }) }
}

function findJob({ state, params }: MockRequest): JobView {
  const job = state.jobs.find((each) => each.key === params['job'])
  if (!job) throw new MockError(404, 'not_found', 'No such job.')
  return job
}

function findRole({ state, params }: MockRequest): RoleView {
  const role = state.roles.find((each) => each.name === params['role'])
  if (!role) throw new MockError(404, 'not_found', 'No such role.')
  return role
}

function listAudit({ state, url, user }: MockRequest): AuditPage {
  const has = (name: string) => url.searchParams.get(name) ?? ''
  const sinceMs = Number(has('sinceMs'))
  const of = user?.admin ? has('of') : `user:${user?.name}`
  const events = state.audit.filter(
    (event) =>
      (!of || event.actor === of || event.target === of) &&
      event.actor.includes(has('actor')) &&
      event.target.includes(has('target')) &&
      event.action.startsWith(has('action')) &&
      (!has('outcome') || event.outcome === has('outcome')) &&
      event.atMs >= sinceMs,
  )
  return pageOf(events, url, (event) => event.id, 'events') as AuditPage
}

function describeStatus({ state, nowMs, url }: MockRequest): PlatformStatus {
  const active = state.jobs.filter((job) => !hasEnded(job.state))
  const replica = { version: '0.1.0', startedAtMs: nowMs - 7_200_000, seenAtMs: nowMs - 1500 }
  return {
    version: '0.1.0',
    startedAtMs: nowMs - 7_200_000,
    publicUrl: url.origin,
    store: { kind: 'sqlite' },
    scheduler: {
      driver: 'local',
      answers: true,
      limits: {
        cpu: false,
        memory: true,
        why: 'The cpu controller of cgroups is not delegated to this account.',
      },
      warmStart: true,
      owners: false,
    },
    replicas: [{ ...replica, id: 'atrium-1', leads: true }],
    counts: {
      users: state.users.length,
      groups: state.groups.length,
      runningServers: active.length,
      activeJobs: active.length,
      waitingJobs: active.filter((job) => job.place).length,
    },
  }
}

const userQuota: QuotaView = {
  subject: 'user',
  name: 'ada',
  jobs: 3,
  used: { servers: 3, clusters: 2, workers: 11, cpu: 6, memoryBytes: 12 * gibibyte, gpu: 0 },
  limits: { servers: 5, clusters: 4, workers: 32, cpu: 16, memoryBytes: 64 * gibibyte, gpu: 1 },
}

/** Ada's home is nearly full, bob's is full, and of carol's nothing is known. */
function buildHome(user: string): HomeView {
  const sizeBytes = 20 * gibibyte
  const shares: Readonly<Record<string, number>> = { ada: 0.94, bob: 1 }
  const measured = { sizeBytes, holds: true, measuredAt: '2026-11-23T10:00:00.000Z' }
  const usedBytes = Math.round((shares[user] ?? 0.31) * sizeBytes)
  const what = 'Delete what you do not need, or ask an administrator for more room.'
  if (user === 'ada')
    return { ...measured, usedBytes, state: 'nearly-full', message: `The home is nearly full. ${what}` }
  if (user === 'bob')
    return {
      ...{ ...measured, usedBytes, state: 'full' },
      message: `The home is full: nothing more can be saved in it. ${what}`,
    }
  if (user === 'carol')
    return { usedBytes: null, sizeBytes: null, holds: false, measuredAt: null, state: 'unknown' }
  return { ...measured, usedBytes, state: 'ok' }
}

const quotas: QuotaView[] = [
  {
    subject: 'platform',
    name: 'platform',
    jobs: 9,
    used: { servers: 9, clusters: 5, workers: 202, cpu: 30, memoryBytes: 118 * gibibyte, gpu: 2 },
    limits: { cpu: 48, memoryBytes: 128 * gibibyte },
  },
  {
    subject: 'group',
    name: 'astro',
    jobs: 4,
    used: { servers: 3, clusters: 0, workers: 0, cpu: 18, memoryBytes: 68 * gibibyte, gpu: 2 },
    limits: { gpu: 2 },
  },
  userQuota,
  {
    subject: 'user',
    name: 'bob',
    jobs: 1,
    used: { servers: 1, clusters: 0, workers: 0, cpu: 2, memoryBytes: 4 * gibibyte, gpu: 0 },
    limits: { servers: 5, cpu: 16, memoryBytes: 64 * gibibyte, gpu: 1 },
  },
]

const nodes: NodeList = {
  nodes: [
    {
      name: 'node-1',
      pool: 'default',
      state: 'up',
      cpu: 32,
      cpuUsed: 22,
      memoryBytes: 128 * gibibyte,
      memoryUsedBytes: 114 * gibibyte,
      gpu: 2,
      gpuUsed: 2,
      jobs: 6,
    },
    {
      name: 'node-2',
      pool: 'default',
      state: 'draining',
      cpu: 16,
      cpuUsed: 4,
      memoryBytes: 64 * gibibyte,
      memoryUsedBytes: 9 * gibibyte,
      gpu: 0,
      gpuUsed: 0,
      jobs: 2,
    },
  ],
  pools: [
    { name: 'default', canGrowBy: 0 },
    {
      name: 'gpu',
      canGrowBy: 8,
      nodes: 0,
      minimum: 0,
      maximum: 8,
      machine: { cpu: 32, memoryBytes: 128 * gibibyte, gpu: 4 },
      spot: true,
      seats: { wanted: 2, ready: 0 },
    },
  ],
  notes: ['What is in use is what jobs of the platform hold. Pods of other namespaces are not counted.'],
}
