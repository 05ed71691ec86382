import type { IdleState } from '@atrium/contract/servers.ts'

import { parseIdleReport } from './idle-report.ts'
import type { IdleSettings } from './profile-config.ts'
import type { ServerRecord } from './server-records.ts'

/** How far back "what was seen last" reaches in the list of reasons. */
const shownSigns = 5

/** What the idle stop knows of a running server; undefined before the first look. */
export function buildIdleState(record: ServerRecord, settings: IdleSettings): IdleState | undefined {
  const report = parseIdleReport(record.idleReport)
  if (report === undefined) return undefined
  const inUse = report.lastUseMs >= report.atMs
  const current = report.signs.filter(({ atMs }) => atMs >= report.atMs)
  const stopsAtMs = record.idleStopAtMs ?? report.lastUseMs + settings.afterMs
  return {
    inUse,
    reasons: (inUse ? current : report.signs.slice(0, shownSigns)).map(({ text, atMs }) => ({ text, atMs })),
    warned: record.idleStopAtMs !== null,
    ...(settings.stop ? { timeoutMs: settings.afterMs } : {}),
    ...(settings.stop && !inUse ? { stopsAtMs } : {}),
    ...(record.keepUntilMs === null ? {} : { keepUntilMs: record.keepUntilMs }),
  }
}
