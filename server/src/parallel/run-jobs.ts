import { jobStates } from '@atrium/contract/jobs.ts'
import type { RunDetailQuery } from '@atrium/contract/runs-api.ts'

import type { JobKey } from '#scheduler/job.ts'
import type { Job } from '#scheduler/job-record.ts'
import type { Jobs } from '#scheduler/jobs.ts'

import { parseArrayNumbers } from './array-numbers.ts'
import { buildArrayKey, buildRunSubject, parseArrayKey } from './run-plan.ts'
import { countedStates } from './run-progress.ts'
import type { RunRecord } from './run-records.ts'

const defaultLimit = 100

/** Some jobs of a run in the order of their numbers, and the number to read on after. */
export async function listRunJobs(
  jobs: Pick<Jobs, 'list'>,
  run: RunRecord,
  { after, limit = defaultLimit, jobs: kind = 'all' }: RunDetailQuery,
): Promise<{ jobs: readonly Job[]; next?: number }> {
  const last = after === undefined ? undefined : findKeyBefore(run, after)
  if (limit === 0) return { jobs: [] }
  const found = await jobs.list({
    subject: buildRunSubject(run.id),
    states: kind === 'all' ? jobStates : countedStates[kind],
    oldestFirst: true,
    limit: limit + 1,
    ...(last === undefined ? {} : { after: last }),
  })
  const page = found.slice(0, limit)
  const lastKey = page.at(-1)?.key
  const next = lastKey === undefined ? undefined : parseArrayKey(run.jobKey, lastKey)
  return { jobs: page, ...(found.length > limit && next !== undefined ? { next } : {}) }
}

/** Key of the job with the last number that is not above `after`. */
function findKeyBefore(run: RunRecord, after: number): JobKey | undefined {
  const number = listNumbers(run).findLast((candidate) => candidate <= after)
  return number === undefined ? undefined : buildArrayKey(run.jobKey, number)
}

/** Keys of all jobs of a run. */
export function listRunKeys(run: RunRecord): readonly JobKey[] {
  if (run.array === null) return [run.jobKey]
  return listNumbers(run).map((number) => buildArrayKey(run.jobKey, number))
}

function listNumbers({ array, jobCount }: RunRecord): readonly number[] {
  return array === null ? [] : parseArrayNumbers(array, jobCount)
}

/** Key of one job of a run; undefined for a number that its array does not have. */
export function findRunKey(run: RunRecord, index: number | undefined): JobKey | undefined {
  if (run.array === null) return index === undefined ? run.jobKey : undefined
  if (index === undefined || !listNumbers(run).includes(index)) return undefined
  return buildArrayKey(run.jobKey, index)
}
