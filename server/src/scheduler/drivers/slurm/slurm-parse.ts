import type { SlurmJob, SlurmNode } from './slurm-client.ts'

/**
 * Reads the JSON of slurmrestd and of `squeue --json`, in both styles: up to data parser 0.0.38 numbers are plain and states one word;
 * later ones write `{set, infinite, number}` and lists.
 */

export type Json = Readonly<Record<string, unknown>>

/** Farther in the future than this means no end: Slurm counts a year for jobs without a limit. */
const endlessMs = 360 * 86_400_000
/** NO_VAL, INFINITE and NO_VAL - 1 of slurm.h, 32 and 64 bits: no number was set. */
const smallestUnset = 0xffff_fffd

/** The jobs of an answer; each waiting task of an array is one of its own. */
export function parseJobs(answer: unknown, nowMs: number): readonly SlurmJob[] {
  return readList(answer, 'jobs').flatMap((job) => parseJob(job, nowMs))
}

/** The nodes of an answer. */
export function parseNodes(answer: unknown): readonly SlurmNode[] {
  return readList(answer, 'nodes').map(parseNode)
}

function parseJob(job: Json, nowMs: number): SlurmJob[] {
  const id = readNumber(job['job_id']) ?? 0
  const arrayId = readNumber(job['array_job_id']) || undefined
  const task = readNumber(job['array_task_id'])
  const waiting = readText(job['array_task_string'])
  const parsed = parseOneJob(job, String(id), nowMs)
  if (arrayId === undefined) return [parsed]
  // A task that got a node, or ended, has an id of its own and is known by the array's as well.
  if (waiting === '') return [{ ...parsed, ref: task === undefined ? String(id) : `${arrayId}_${task}` }]
  return expandTasks(waiting).map((index) => ({ ...parsed, ref: `${arrayId}_${index}` }))
}

function parseOneJob(job: Json, ref: string, nowMs: number): SlurmJob {
  const [state = 'UNKNOWN', ...flags] = readWords(job['job_state'])
  const exit = parseExit(job['exit_code'])
  const endMs = readTime(job['end_time'])
  const startMs = readTime(job['start_time'])
  const submitMs = readTime(job['submit_time'])
  const node = readText(job['batch_host'])
  return {
    ref,
    name: readText(job['name']),
    comment: readText(job['comment']),
    uid: readNumber(job['user_id']) ?? -1,
    gid: readNumber(job['group_id']) ?? -1,
    login: readText(job['user_name']),
    states: [state, ...flags],
    reason: readText(job['state_reason']),
    partition: readText(job['partition']),
    nodeCount: readNumber(job['node_count']) ?? 0,
    priority: readNumber(job['priority']) ?? 0,
    restarts: readNumber(job['restart_cnt']) ?? 0,
    tres: readText(job['tres_alloc_str']),
    ...exit,
    ...(node === '' ? {} : { node }),
    ...(submitMs === undefined ? {} : { submitMs }),
    ...(startMs === undefined ? {} : { startMs }),
    ...(endMs === undefined || endMs - nowMs > endlessMs ? {} : { endMs }),
  }
}

/** A wait status (`exit_code: 256`), or an object with its parts. */
export function parseExit(value: unknown): { exitCode?: number; signal?: number } {
  if (!isObject(value)) {
    const status = readNumber(value)
    return status === undefined ? {} : parseWaitStatus(status)
  }
  if ('return_code' in value) {
    const signal = isObject(value['signal'])
      ? readNumber(value['signal']['id'] ?? value['signal']['signal_id'])
      : undefined
    return {
      exitCode: readNumber(value['return_code']) ?? 0,
      ...(signal === undefined || signal === 0 ? {} : { signal }),
    }
  }
  const status = readNumber(value)
  return status === undefined ? {} : parseWaitStatus(status)
}

/** As wait(2) gives it. */
function parseWaitStatus(status: number): { exitCode?: number; signal?: number } {
  const signal = status & 0x7f
  return signal === 0 ? { exitCode: (status >> 8) & 0xff } : { signal }
}

/** `0-3,7,9-20:2%5`: the tasks of an array that wait. What was cut off (`...`) is left out. */
export function expandTasks(text: string): readonly number[] {
  if (/^0x[0-9a-f]+$/i.test(text)) return expandBits(BigInt(text))
  const [list = ''] = text.split('%')
  return list.split(',').flatMap((part) => {
    const [, first, last, step] = /^(\d+)(?:-(\d+))?(?::(\d+))?$/.exec(part) ?? []
    if (first === undefined) return []
    const by = Number(step ?? 1)
    const count = Math.floor((Number(last ?? first) - Number(first)) / by) + 1
    return Array.from({ length: count }, (_, index) => Number(first) + index * by)
  })
}

/** As slurmdbd writes them: `0xA0`, the tasks 5 and 7. */
function expandBits(mask: bigint): readonly number[] {
  const bits = mask.toString(2)
  return [...bits]
    .flatMap((bit, index) => (bit === '1' ? [bits.length - 1 - index] : []))
    .toSorted((a, b) => a - b)
}

function parseNode(node: Json): SlurmNode {
  const [state = 'unknown', ...flags] = [...readWords(node['state']), ...readWords(node['state_flags'])]
  const used = readWords(node['gres_used']).join(',')
  return {
    name: readText(node['name']),
    states: [state.toLowerCase(), ...flags.map((flag) => flag.toLowerCase())],
    partitions: readWords(node['partitions']),
    cpus: readNumber(node['cpus']) ?? 0,
    cpusUsed: readNumber(node['alloc_cpus']) ?? 0,
    memoryMiB: readNumber(node['real_memory']) ?? 0,
    memoryUsedMiB: readNumber(node['alloc_memory']) ?? 0,
    gpus: countGpus(readText(node['gres'])),
    gpusUsed: countGpus(used),
  }
}

/** `gpu:a100:2(S:0-1),shard:8` */
function countGpus(gres: string): number {
  let count = 0
  for (const [, number] of gres.matchAll(/(?:^|,)gpu(?::[^:,()]+)?(?::(\d+))?(?=[(,]|$)/g))
    count += Number(number ?? 1)
  return count
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function readList(answer: unknown, name: string): readonly Json[] {
  const list = isObject(answer) ? answer[name] : undefined
  return Array.isArray(list) ? list.filter(isObject) : []
}

export function readText(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** One word, a comma-separated text or a list. */
export function readWords(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.filter((word): word is string => typeof word === 'string')
  return typeof value === 'string' && value !== '' ? value.split(',') : []
}

export function readNumber(value: unknown): number | undefined {
  if (isObject(value))
    return value['set'] === true && value['infinite'] !== true ? readNumber(value['number']) : undefined
  if (typeof value === 'string' && /^\d+$/.test(value)) return readNumber(Number(value))
  return typeof value === 'number' && value < smallestUnset ? value : undefined
}

/** Seconds since the epoch, 0 for none, in milliseconds. */
export function readTime(value: unknown): number | undefined {
  const seconds = readNumber(value)
  return seconds === undefined || seconds === 0 ? undefined : seconds * 1000
}
