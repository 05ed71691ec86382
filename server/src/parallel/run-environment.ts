import { PlatformError } from '@atrium/contract/errors.ts'

import { extendEnvironment } from '#scheduler/client-environment.ts'
import type { JobResources } from '#scheduler/job.ts'

const namePattern = /^[A-Za-z_][A-Za-z0-9_]*$/

/** What a job of a run is told of itself. */
export const ownVariables = {
  run: 'ATRIUM_RUN_ID',
  index: 'ATRIUM_ARRAY_INDEX',
  tasks: 'ATRIUM_TASKS',
} as const

/**
 * For each task, unless the request says otherwise. As many threads as it has cores: a library that counts the machine's would start
 * hundreds. Output is not held back, since people watch it.
 */
export function buildWorkEnvironment({ cpu }: JobResources): Record<string, string> {
  const threads = cpu === undefined ? {} : { OMP_NUM_THREADS: String(Math.max(1, Math.ceil(cpu))) }
  return { PYTHONUNBUFFERED: '1', ...threads }
}

/** Variables as they can be given to a program. Throws `bad_request` for what no program could be given, and for names that are the run's own. */
export function checkVariables(variables: Readonly<Record<string, string>>): Record<string, string> {
  const own: readonly string[] = Object.values(ownVariables)
  for (const [name, value] of Object.entries(variables)) {
    if (!namePattern.test(name)) throw refuse(`“${name}” is no name of a variable.`)
    if (own.includes(name)) throw refuse(`${name} is set by the platform.`)
    if (value.includes('\0')) throw refuse(`${name} contains a NUL character.`)
  }
  return { ...variables }
}

/** `variables` to be added to `given`: the platform's folder stays on Python's path, before theirs. */
export function joinPythonPath(
  given: Readonly<Record<string, string>>,
  variables: Readonly<Record<string, string>>,
): Record<string, string> {
  const path = extendEnvironment(given, variables)['PYTHONPATH']
  return 'PYTHONPATH' in variables && path !== undefined
    ? { ...variables, PYTHONPATH: path }
    : { ...variables }
}

/** Throws `bad_request` for what cannot be an argument. */
export function checkCommand(command: readonly string[]): [string, ...string[]] {
  const [program, ...args] = command
  if (program === undefined || program === '') throw refuseCommand('The program has no name.')
  if (command.some((word) => word.includes('\0'))) throw refuseCommand('It contains a NUL character.')
  return [program, ...args]
}

function refuse(message: string): PlatformError {
  return new PlatformError('bad_request', { message: `environment: ${message}` })
}

function refuseCommand(message: string): PlatformError {
  return new PlatformError('bad_request', { message: `command: ${message}` })
}
