import { hubClientId } from '#identity/hub-client-id.ts'
import type { Service, Services } from '#identity/services.ts'
import type { Tokens } from '#identity/tokens.ts'
import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'
import type { Job } from '#scheduler/job-record.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import type { LeaderPart } from '#store/leadership.ts'
import type { Store, StoreTransaction } from '#store/store.ts'

import { ensureServiceClient } from './configured-services.ts'
import type { ServiceConfig } from './service-config.ts'
import {
  buildServiceJob,
  buildServiceVersion,
  parseServiceSubject,
  type ServiceJobSettings,
} from './service-job.ts'

type ManagedService = ServiceConfig & { command: readonly [string, ...string[]] }

interface ServiceRunnerOptions {
  store: Store
  jobs: Pick<Jobs, 'list' | 'request' | 'requestStop' | 'subscribe'>
  services: Pick<Services, 'find'>
  tokens: Pick<Tokens, 'issue'>
  configured: readonly ServiceConfig[]
  settings: ServiceJobSettings
  clock: Clock
  log: Logger
  /** Between looks when nothing is heard. */
  everyMs: number
}

/** A service that ends is started again after a second, then two, four, up to a minute. */
const firstPauseMs = 1000
const longestPauseMs = 60_000
/** One that ran for so long is taken for sound. */
const soundAfterMs = 60_000

const tokenNote = 'service started by the platform'

/** When a service was last started, and the pause before the next start. */
interface Attempts {
  lastMs: number
  pauseMs: number
}

/**
 * The work of the leader: keeps services with a command running as jobs of the platform's own, restarts those that end, and ends those that the
 * configuration does not name, or names differently.
 */
export function createServiceRunner(options: ServiceRunnerOptions): LeaderPart {
  const { configured, jobs, clock, log, everyMs } = options
  const managed = configured.filter((service): service is ManagedService => service.command !== undefined)
  return async ({ signal }) => {
    const attempts = new Map<string, Attempts>()
    let woken = new AbortController()
    const stop = jobs.subscribe((keys) => {
      if (keys.some((key) => key === '*' || key.startsWith('app-'))) woken.abort()
    })
    try {
      while (!signal.aborted) {
        woken = new AbortController()
        const waitMs = await keepRunning(options, managed, attempts).catch((error: unknown) => {
          log.warn({ err: error }, 'services could not be looked at')
          return everyMs
        })
        await clock.sleep(waitMs, { signal: AbortSignal.any([signal, woken.signal]) }).catch(() => {})
      }
    } finally {
      stop()
    }
  }
}

/** Answers after how long to look again. */
async function keepRunning(
  options: ServiceRunnerOptions,
  managed: readonly ManagedService[],
  attempts: Map<string, Attempts>,
): Promise<number> {
  const { jobs, store, clock, everyMs } = options
  const active = (await jobs.list({ kind: 'app', active: true })).filter(
    ({ subject }) => parseServiceSubject(subject) !== undefined,
  )
  const byName = Map.groupBy(active, ({ subject }) => parseServiceSubject(subject) ?? '')
  const versions = new Map(managed.map((service) => [service.name, buildServiceVersion(service)]))
  const unwanted = active.filter((job) => isUnwanted(job, versions))
  if (unwanted.length > 0) {
    const keys = unwanted.map(({ key }) => key)
    await store.transaction((tx) => jobs.requestStop(tx, keys, { reason: 'configuration' }))
  }
  let waitMs = everyMs
  for (const service of managed) {
    if (byName.has(service.name)) continue
    const dueInMs = findDueInMs(attempts.get(service.name), clock.now())
    if (dueInMs > 0) waitMs = Math.min(waitMs, dueInMs)
    else await startService(options, service, attempts)
  }
  return waitMs
}

function isUnwanted({ subject, spec, desired }: Job, versions: ReadonlyMap<string, string>): boolean {
  const version = versions.get(parseServiceSubject(subject) ?? '')
  return desired === 'run' && spec.labels['version'] !== version
}

function findDueInMs(attempts: Attempts | undefined, nowMs: number): number {
  return attempts === undefined ? 0 : attempts.lastMs + attempts.pauseMs - nowMs
}

async function startService(
  { services, store, jobs, tokens, settings, clock, log }: ServiceRunnerOptions,
  config: ManagedService,
  attempts: Map<string, Attempts>,
): Promise<void> {
  const service = await services.find(config.name)
  if (service === undefined) return
  const nowMs = clock.now()
  const before = attempts.get(config.name)
  const wasSound = before === undefined || nowMs - before.lastMs > soundAfterMs
  attempts.set(config.name, {
    lastMs: nowMs,
    pauseMs: wasSound ? firstPauseMs : Math.min(longestPauseMs, before.pauseMs * 2),
  })
  const job = await store.transaction(async (tx) => {
    const token = config.apiToken ?? (await issueToken(tx, tokens, service))
    await ensureServiceClient(tx, { id: service.id, service: config, secret: token, nowMs })
    return jobs.request(tx, buildServiceJob(settings, config, token))
  })
  log.info({ service: config.name, job: job.key }, 'service started')
}

/** Replaces the token of the run before. */
async function issueToken(
  tx: StoreTransaction,
  tokens: Pick<Tokens, 'issue'>,
  service: Service,
): Promise<string> {
  const old = await tx.db
    .deleteFrom('tokens')
    .where('service_id', '=', service.id)
    .where('note', '=', tokenNote)
    .returning('hash')
    .execute()
  for (const { hash } of old) tx.changed('token', hash)
  const { secret } = await tokens.issue(tx, {
    owner: { kind: 'service', id: service.id, name: service.name },
    scopes: ['inherit'],
    note: tokenNote,
    clientId: hubClientId,
  })
  return secret
}
