import { posix } from 'node:path'

import { PlatformError } from '@atrium/contract/errors.ts'
import type { RunRequest, ScheduleRequest } from '@atrium/contract/runs-api.ts'

import { resolvePath } from './run-paths.ts'
import { formatTimeOfPlace } from './schedule-times.ts'

/** One run of a schedule's notebook. */
export interface NotebookRunInput {
  schedule: { id: number; name: string; request: ScheduleRequest }
  home: string
  /** How often it has run, this time included. */
  number: number
  nowMs: number
}

/** What the job is, and where its result will be for those who look for it. */
export interface NotebookRun {
  run: Pick<RunRequest, 'command' | 'environment' | 'workingDirectory'>
  /** Below the home; undefined when it is written elsewhere. */
  result: string | undefined
}

/** What `atrium_client.notebook_job` reads. A variable and no argument: everybody on a machine sees arguments. */
const jobVariable = 'ATRIUM_NOTEBOOK'
/** A variable takes no more: MAX_ARG_STRLEN of execve(2), less what else is in it. */
const mostBytes = 100 * 1024
const keptByDefault = 30
const longestFolder = 80

/** Works out a notebook's run. Nothing is read or written here: the job does that as its owner. Throws `bad_request`. */
export function planNotebook({ schedule, home, number, nowMs }: NotebookRunInput): NotebookRun {
  const { notebook, timezone, keep = keptByDefault } = schedule.request
  if (notebook === undefined) throw new PlatformError('internal', { detail: 'a schedule without notebook' })
  const path = resolvePath('notebook.path', notebook.path, home)
  const folder = resolvePath('notebook.output', notebook.output ?? `runs/${buildFolderName(schedule)}`, home)
  const file = `${formatTimeOfPlace(nowMs, timezone)}_${String(number).padStart(4, '0')}.ipynb`
  const job = JSON.stringify({ path, folder, file, keep, parameters: notebook.parameters ?? {} })
  if (Buffer.byteLength(job) > mostBytes) {
    throw new PlatformError('bad_request', {
      message: 'notebook.parameters: These are too many. Put them into a file that the notebook reads.',
    })
  }
  const relative = posix.relative(home, posix.join(folder, file))
  return {
    run: {
      command: ['python', '-m', 'atrium_client.notebook_job'],
      environment: { [jobVariable]: job },
      workingDirectory: posix.dirname(path),
    },
    result: relative.startsWith('../') ? undefined : relative,
  }
}

/** A folder of that name, whatever was put into the name. Another than the name itself has the number with it, so that none meets another's. */
export function buildFolderName({ id, name }: { id: number; name: string }): string {
  const safe = [
    ...name
      .normalize('NFC')
      .replaceAll(/[^\p{L}\p{M}\p{N}._ -]+/gu, '-')
      .replace(/^[.\s-]+/, ''),
  ]
    .slice(0, longestFolder)
    .join('')
    .replace(/[.\s-]+$/, '')
  return safe === name ? safe : `${safe === '' ? 'schedule' : safe}_${id}`
}
