import type { Identity } from '#identity/identity.ts'
import { createAuditLog } from '#observe/audit-log.ts'
import type { Runs } from '#parallel/runs.ts'
import type { Clock } from '#platform/clock.ts'
import type { JobEnvironment } from '#scheduler/job-environment.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import type { UsagePrices } from '#scheduler/usage/usage-report.ts'
import type { HomeSpaces } from '#storage/home-space.ts'
import type { Store } from '#store/store.ts'
import type { Route } from './define-route.ts'
import { createAuditRoutes } from './routes/api/audit.ts'
import { createHomeRoutes } from './routes/api/homes.ts'
import { createJobRoutes } from './routes/api/jobs.ts'
import { createNodeRoutes } from './routes/api/nodes.ts'
import { createQuotaRoutes } from './routes/api/quotas.ts'
import { createRoleRoutes } from './routes/api/roles.ts'
import { createRunRoutes } from './routes/api/runs.ts'
import { createScheduleRoutes } from './routes/api/schedules.ts'
import { createStatusRoutes } from './routes/api/status.ts'
import { createUsageRoutes } from './routes/api/usage.ts'

export interface OperationRoutesOptions {
  store: Store
  clock: Clock
  identity: Pick<Identity, 'users' | 'groups' | 'roles'>
  jobs: Jobs
  runs: Runs
  homes: HomeSpaces
  /** The Python that a server runs with now. */
  findServerEnvironment(serverId: number): Promise<JobEnvironment | undefined>
  version: string
  startedAtMs: number
  /** Where browsers reach the platform. */
  publicUrl: string
  /** The default scheduler's. */
  driver: string
  /** Absent: use has no cost. */
  prices: UsagePrices | undefined
  /** The lease whose holder reconciles. */
  leaseName: string
}

/** What portal and command line need to look after the platform, beyond JupyterHub's API. */
export function createOperationRoutes(options: OperationRoutesOptions): Route[] {
  const { store, clock, jobs, runs, identity } = options
  const { users, groups, roles } = identity
  return [
    ...createStatusRoutes(options),
    ...createJobRoutes({ jobs, users, store, clock }),
    ...createRunRoutes({ ...options, users }),
    ...createScheduleRoutes({ ...options, schedules: runs.schedules, users }),
    ...createQuotaRoutes({ quotas: jobs.quotas, users, groups }),
    ...createHomeRoutes({ homes: options.homes, users }),
    ...createUsageRoutes({ store, clock, users, groups, prices: options.prices }),
    ...createNodeRoutes({ jobs }),
    ...createRoleRoutes({ roles }),
    ...createAuditRoutes({ audit: createAuditLog({ store }) }),
  ]
}
