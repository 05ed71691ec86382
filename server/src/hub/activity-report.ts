import { PlatformError } from '@atrium/contract/errors.ts'

import type { Activity } from '#identity/activity.ts'
import type { Clock } from '#platform/clock.ts'
import type { Store } from '#store/store.ts'

import { moveActivity } from './server-activity.ts'
import { announceServer, ensureDefaultServer, listServersOfUsers } from './server-records.ts'

/** What a server, or a program such as a culler, says of a user's activity. Absent: not said. */
export interface ActivityReport {
  lastActivityMs?: number
  /** By server name. */
  servers: ReadonlyMap<string, number>
}

/** Clocks differ a little; more than this is no time at all. */
const farthestAheadMs = 59 * 60_000
const wrongShape = 'servers must be a dict of the form {server_name: {last_activity: timestamp}}'

/** Reads the body of `POST /hub/api/users/:user/activity`. Throws `bad_request` in JupyterHub's words. */
export function parseActivityReport(body: unknown, nowMs: number): ActivityReport {
  if (!isObject(body)) throw refusal('body must be a json dict')
  const { last_activity: lastActivity, servers } = body
  if (!lastActivity && !hasEntries(servers)) {
    throw refusal('body must contain at least one of `last_activity` or `servers`')
  }
  return {
    servers: parseServers(servers, nowMs),
    ...(lastActivity ? { lastActivityMs: parseTime(lastActivity, nowMs) } : {}),
  }
}

/** Writes it down: times only move forward. Throws `bad_request` when the user has no such server. */
export async function recordActivity(
  { store, activity, clock }: { store: Store; activity: Pick<Activity, 'noteUser'>; clock: Clock },
  user: { id: number; name: string },
  { lastActivityMs, servers }: ActivityReport,
): Promise<void> {
  const known = new Map((await listServersOfUsers(store.db, [user.id])).map(({ name, id }) => [name, id]))
  for (const name of servers.keys()) {
    if (name !== '' && !known.has(name)) throw refusal(`No such server '${name}' for user ${user.name}`)
  }
  if (lastActivityMs !== undefined) activity.noteUser(user.id, lastActivityMs)
  if (servers.size === 0) return
  if (servers.has('') && !known.has('')) known.set('', (await ensureDefaultServer({ store, clock }, user)).id)
  await store.transaction(async (tx) => {
    for (const [name, atMs] of servers) {
      const id = known.get(name)
      if (id === undefined) continue
      await moveActivity(tx, id, atMs)
      announceServer(tx, id)
    }
  })
}

function parseServers(servers: unknown, nowMs: number): ReadonlyMap<string, number> {
  if (!hasEntries(servers)) return new Map()
  if (!isObject(servers)) throw refusal(wrongShape)
  const times = new Map<string, number>()
  for (const [name, report] of Object.entries(servers)) {
    if (!isObject(report) || !('last_activity' in report)) throw refusal(wrongShape)
    times.set(name, parseTime(report['last_activity'], nowMs))
  }
  return times
}

/** ISO 8601; without a zone it is UTC, as everywhere in JupyterHub. */
function parseTime(text: unknown, nowMs: number): number {
  const match = typeof text === 'string' ? isoPattern.exec(text.trim()) : null
  const atMs =
    match === null ? Number.NaN : Date.parse(`${match[1]}T${match[2] ?? '00:00:00'}${match[3] ?? 'Z'}`)
  if (Number.isNaN(atMs)) throw refusal(`Not a valid timestamp: ${JSON.stringify(text)}`)
  if (atMs - nowMs > farthestAheadMs) {
    throw refusal(`Rejecting activity from more than an hour in the future: ${new Date(atMs).toISOString()}`)
  }
  return atMs
}

const isoPattern = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?))?\s*(Z|[+-]\d\d:?\d\d)?$/i

function hasEntries(value: unknown): boolean {
  if (!value) return false
  return typeof value !== 'object' || Object.keys(value).length > 0
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function refusal(message: string): PlatformError {
  return new PlatformError('bad_request', { message })
}
