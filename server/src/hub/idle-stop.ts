import type { Clock } from '#platform/clock.ts'
import { createClockWatch } from '#platform/clock-watch.ts'
import type { Logger } from '#platform/log.ts'
import type { JobKey } from '#scheduler/job.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import type { LeaderPart, Term } from '#store/leadership.ts'
import type { Store, StoreTransaction } from '#store/store.ts'

import type { ActiveServer, ActiveServers } from './active-servers.ts'
import {
  buildIdleReport,
  decideIdle,
  findNextLookMs,
  type IdleDecision,
  type IdleFindings,
} from './idle-policy.ts'
import type { IdleProbe } from './idle-probe.ts'
import { type IdleReport, parseIdleReport } from './idle-report.ts'
import type { IdleSettings } from './profile-config.ts'
import type { Profiles } from './profiles.ts'
import type { ServerActivity } from './server-activity.ts'
import { buildServerPath } from './server-paths.ts'
import { announceServer, findLockedServer, type ServerRecord } from './server-records.ts'
import type { FindServerToken } from './server-token.ts'

/** Times of the idle stop, in milliseconds. */
export interface IdleTimes {
  /** How often it is looked which servers are due. */
  tick: number
  /** Between looks at a server that is in use or far from its time. */
  calm: number
  /** Between looks once a decision is near. */
  near: number
}

interface IdleStopOptions {
  store: Store
  jobs: Pick<Jobs, 'addEvent' | 'requestStop'>
  active: ActiveServers
  profiles: Pick<Profiles, 'idleSettings'>
  activity: Pick<ServerActivity, 'findLastMessageMs'>
  probe: IdleProbe
  findToken: FindServerToken
  clock: Clock
  log: Logger
  everyMs: IdleTimes
}

/** Servers asked at the same time. */
const mostAtOnce = 16

/**
 * The work of the leader: looks at running servers, now and then or often as their state asks for, warns, and stops those nobody uses. Its
 * cost follows the running servers.
 */
export function createIdleStop(options: IdleStopOptions): LeaderPart {
  const { active, clock, everyMs, log } = options
  return async (term) => {
    const nextLooks = new Map<JobKey, number>()
    const clockWatch = createClockWatch(clock)
    while (!term.signal.aborted) {
      await clock.sleep(everyMs.tick, { signal: term.signal }).catch(() => {})
      if (term.signal.aborted) return
      const clockSetAtMs = clockWatch.look()
      const due = await findDue(active, nextLooks, clock.monotonic()).catch(() => [])
      await inTurns(due, async (server) => {
        const plan = (pauseMs: number) => nextLooks.set(server.job.key, clock.monotonic() + pauseMs)
        try {
          plan(await look(options, term, server, clockSetAtMs))
        } catch (error) {
          log.warn({ err: error, server_id: server.record.id }, 'a server could not be looked at')
          plan(everyMs.near)
        }
      })
    }
  }
}

async function findDue(
  active: ActiveServers,
  nextLooks: Map<JobKey, number>,
  nowMs: number,
): Promise<readonly ActiveServer[]> {
  const servers = (await active.all()).filter(
    ({ job }) => job.state === 'running' && job.readyAtMs !== undefined,
  )
  const running = new Set(servers.map(({ job }) => job.key))
  for (const key of nextLooks.keys()) if (!running.has(key)) nextLooks.delete(key)
  return servers.filter(({ job }) => (nextLooks.get(job.key) ?? 0) <= nowMs)
}

async function inTurns<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items]
  const worker = async () => {
    for (let item = waiting.pop(); item !== undefined; item = waiting.pop()) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(mostAtOnce, items.length) }, worker))
}

/** Looks at one server, writes down what it found and does what follows. Answers after how long to look again. */
async function look(
  options: IdleStopOptions,
  term: Term,
  { record, job }: ActiveServer,
  clockSetAtMs: number | undefined,
): Promise<number> {
  const { store, profiles, everyMs } = options
  const settings = profiles.idleSettings(record.profile)
  const findings = await inspect(options, term, { record, job }, settings)
  const known = clockSetAtMs === undefined ? findings : { ...findings, clockSetAtMs }
  const report = buildIdleReport(known, parseIdleReport(record.idleReport))
  const decision = await store.transaction(async (tx) => {
    await store.assertLease(tx, term.lease)
    const server = await findLockedServer(tx, record.id)
    if (server?.jobKey !== job.key) return undefined
    const decided = decideIdle(report, settings, {
      stopAtMs: server.idleStopAtMs,
      keepUntilMs: server.keepUntilMs,
    })
    await writeLook(tx, options, { server, report, decided, settings })
    return decided
  })
  const next = findNextLookMs(report, settings, everyMs)
  return (decision?.kind === 'warn' ? Math.min(next, decision.stopAtMs) : next) - report.atMs
}

async function inspect(
  { probe, findToken, activity, clock }: IdleStopOptions,
  { signal }: Term,
  { record, job }: ActiveServer,
  settings: IdleSettings,
): Promise<IdleFindings> {
  const token = await findToken(job.key)
  const path = buildServerPath(record.user, record.name)
  const { endpoint, readyAtMs = clock.now() } = job
  const jupyter =
    token === undefined || endpoint === undefined ? undefined : await probe({ endpoint, path, token }, signal)
  const cpuSeconds = job.usage?.cpuSeconds
  const messageAtMs = activity.findLastMessageMs(record.id)
  return {
    nowMs: clock.now(),
    readyAtMs,
    settings,
    ...(jupyter === undefined ? {} : { jupyter }),
    ...(cpuSeconds === undefined ? {} : { cpuSeconds }),
    ...(messageAtMs === undefined ? {} : { messageAtMs }),
    ...(record.keepUntilMs === null ? {} : { keepUntilMs: record.keepUntilMs }),
  }
}

interface Look {
  server: ServerRecord
  report: IdleReport
  decided: IdleDecision
  settings: IdleSettings
}

async function writeLook(
  tx: StoreTransaction,
  { jobs }: IdleStopOptions,
  { server, report, decided, settings }: Look,
): Promise<void> {
  const idleStopAtMs = decided.kind === 'warn' ? decided.stopAtMs : null
  await tx.db
    .updateTable('servers')
    .set({ idle_report: JSON.stringify(report), idle_stop_at: idleStopAtMs })
    .where('id', '=', server.id)
    .execute()
  announceServer(tx, server.id)
  const key = server.jobKey
  if (key === null) return
  if (decided.kind === 'warn' && server.idleStopAtMs === null) {
    const message = `Not used for a while: it will be stopped at ${new Date(decided.stopAtMs).toISOString()}.`
    await jobs.addEvent(tx, key, { kind: 'warning', message })
  }
  if (decided.kind === 'stop') {
    const minutes = Math.round(settings.afterMs / 60_000)
    await jobs.requestStop(tx, [key], { reason: 'idle', message: `It was not used for ${minutes} minutes.` })
  }
}
