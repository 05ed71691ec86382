import { findFirstNode } from './accounting-parse.ts'
import type { SlurmJob } from './slurm-client.ts'
import {
  expandTasks,
  isObject,
  type Json,
  parseExit,
  readList,
  readNumber,
  readText,
  readTime,
  readWords,
} from './slurm-parse.ts'

/** Jobs as slurmdbd knows them; waiting tasks of an array one by one. It tells owners by login: `uid` is -1. */
export function parseRestAccounting(answer: unknown): readonly SlurmJob[] {
  const jobs = readList(answer, 'jobs').flatMap(parseJob)
  // After a requeue under the same id the last one is the last run.
  return [...new Map(jobs.map((job) => [job.ref, job])).values()]
}

function parseJob(job: Json): SlurmJob[] {
  const id = readNumber(job['job_id']) ?? 0
  const array = readObject(job, 'array')
  const arrayId = readNumber(array['job_id']) || undefined
  const task = readNumber(array['task_id'])
  const waiting = readText(array['task']).replaceAll(/[[\]]/g, '')
  const parsed = parseOne(job, String(id))
  if (arrayId === undefined) return [parsed]
  if (task !== undefined) return [{ ...parsed, ref: `${arrayId}_${task}` }]
  return waiting === ''
    ? [parsed]
    : expandTasks(waiting).map((index) => ({ ...parsed, ref: `${arrayId}_${index}` }))
}

function parseOne(job: Json, ref: string): SlurmJob {
  const state = readObject(job, 'state')
  const time = readObject(job, 'time')
  const [base = 'UNKNOWN', ...flags] = readWords(state['current'])
  const times = { submitMs: time['submission'], startMs: time['start'], endMs: time['end'] }
  return {
    ref,
    name: readText(job['name']),
    comment: '',
    uid: -1,
    gid: -1,
    login: readText(job['user']) || readText(readObject(job, 'association')['user']),
    states: [base, ...flags],
    reason: readText(state['reason']),
    partition: readText(job['partition']),
    nodeCount: readNumber(job['allocation_nodes']) ?? 0,
    priority: 0,
    restarts: readNumber(job['restart_cnt']) ?? 0,
    tres: buildTres(readList(readObject(job, 'tres'), 'allocated')),
    ...findFirstNode(readText(job['nodes'])),
    ...parseExit(job['exit_code']),
    ...Object.fromEntries(
      Object.entries(times).flatMap(([name, value]) => {
        const ms = readTime(value)
        return ms === undefined ? [] : [[name, ms]]
      }),
    ),
  }
}

/** As sacct(1) writes it: `cpu=1,mem=100M,node=1,gres/gpu=1`. What was not counted is left out. */
function buildTres(list: readonly Json[]): string {
  return list
    .flatMap((entry) => {
      const [type, name, count] = [
        readText(entry['type']),
        readText(entry['name']),
        readNumber(entry['count']),
      ]
      if (count === undefined || count < 0) return []
      return [`${name === '' ? type : `${type}/${name}`}=${count}${type === 'mem' ? 'M' : ''}`]
    })
    .join(',')
}

function readObject(from: Json, name: string): Json {
  const value = from[name]
  return isObject(value) ? value : {}
}
