import { PlatformError } from '@atrium/contract/errors.ts'
import type { RunRequest, ScheduleChange, ScheduleRequest } from '@atrium/contract/runs-api.ts'

import type { SealedBox } from '#platform/sealed-box.ts'

import { checkVariables } from './run-environment.ts'
import { listTimes } from './schedule-times.ts'

/** A schedule as it is kept: what was asked for, and its variables apart, sealed. */
export interface KeptSchedule {
  /** Without `run.environment`. */
  request: ScheduleRequest
  /** Null: none. */
  variables: string | null
}

/** Checks a request as far as it can be without knowing its owner. Throws `bad_request` with what to change. */
export function keepSchedule(box: SealedBox, request: ScheduleRequest): KeptSchedule {
  checkSchedule(request)
  const { run, ...rest } = request
  if (run === undefined) return { request: rest, variables: null }
  const { environment = {}, ...runRest } = run
  return { request: { ...rest, run: runRest }, variables: seal(box, environment) }
}

/** The same for a change: what it does not name stays, variables too. */
export function changeSchedule(box: SealedBox, kept: KeptSchedule, change: ScheduleChange): KeptSchedule {
  const merged: ScheduleRequest = { ...kept.request, ...change }
  // One or the other: who names the one means to replace the other.
  if (change.notebook === undefined && change.run?.command !== undefined) delete merged.notebook
  const next = keepSchedule(box, merged)
  return change.run?.environment === undefined ? { ...next, variables: kept.variables } : next
}

function checkSchedule(request: ScheduleRequest): void {
  const { name, notebook, run } = request
  if (name.trim() === '' || /\p{Cc}/u.test(name)) throw refuse('name: It must be readable.')
  listTimes(request, 0, 1)
  if (notebook === undefined && run?.command === undefined) {
    throw refuse('There is neither a notebook nor a command.')
  }
  if (notebook === undefined) return
  if (run?.command !== undefined) throw refuse('There is a notebook and a command: which is it to be?')
  if (run?.array !== undefined || (run?.tasks ?? 1) > 1) {
    throw refuse('A notebook is run by one task of one job.')
  }
}

function seal(box: SealedBox, environment: Readonly<Record<string, string>>): string | null {
  const variables = checkVariables(environment)
  return Object.keys(variables).length === 0 ? null : box.seal(JSON.stringify(variables))
}

/** The variables that were sealed. */
export function openVariables(
  box: SealedBox,
  variables: string | null,
): NonNullable<RunRequest['environment']> {
  return variables === null ? {} : (JSON.parse(box.open(variables)) as Record<string, string>)
}

function refuse(message: string): PlatformError {
  return new PlatformError('bad_request', { message })
}
