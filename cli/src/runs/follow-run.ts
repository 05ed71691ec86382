import { constants } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

import { hasEnded } from '@atrium/contract/jobs.ts'
import type { RunDetail } from '@atrium/contract/runs-api.ts'

import type { Client } from '#client.ts'
import { formatTime } from '#output.ts'
import { type FollowOptions, followJob } from './follow-job.ts'
import { createLinePrefix } from './line-prefix.ts'
import { createPersistence } from './persistence.ts'

/** Where a run's output and what is said of it go. */
export interface RunListener {
  client: Client
  signal: AbortSignal
  write(bytes: Buffer): void | Promise<void>
  notify(message: string): void
}

/** Jobs of an array whose output is passed on at a time; that of the others is kept until it is their turn. */
const followedAtOnce = 32
const askEveryMs = 1000
const endPauseMs = 100
const waitingStates: readonly string[] = ['queued', 'pending']

/** Passes on a run's output until it has ended, and says what it waits for meanwhile. Answers the run as it ended. */
export async function followRun(listener: RunListener, run: RunDetail): Promise<RunDetail> {
  const { client, signal, notify } = listener
  const persistence = createPersistence(notify, signal)
  const options = { ...listener, persistence }
  const done = new AbortController()
  const waiting = tellWaiting(options, run, AbortSignal.any([signal, done.signal]))
  try {
    if (run.array === undefined) await followJob(options, { run: run.id, index: undefined })
    else await followArray(options, run)
  } finally {
    done.abort()
    await waiting
  }
  for (;;) {
    const now = await persistence.keepTrying(() => readRun(client, run.id))
    if (hasEnded(now.state)) return now
    await sleep(endPauseMs, undefined, { signal })
  }
}

/** Each line with its job's number before it. */
async function followArray(options: FollowOptions, run: RunDetail): Promise<void> {
  const numbers = listNumbers(options, run.id)
  const work = async () => {
    for (let next = await numbers.next(); !next.done; next = await numbers.next()) {
      const index = next.value
      const prefix = createLinePrefix(`[${index}] `, options.write)
      const notify = (message: string) => options.notify(`[${index}] ${message}`)
      const job = await followJob({ ...options, write: prefix.write, notify }, { run: run.id, index })
      prefix.end()
      if (job !== undefined && job.state !== 'succeeded') notify(describeEnd(job))
    }
  }
  await Promise.all(Array.from({ length: Math.min(followedAtOnce, run.jobs.total) }, work))
}

/** The numbers of an array's jobs, read as they are needed. Its readers may ask at the same time: a generator serves one after the other. */
async function* listNumbers(
  { client, persistence }: FollowOptions,
  id: number,
): AsyncGenerator<number, void> {
  for (let after: number | undefined; ; ) {
    const query = after === undefined ? '' : `&after=${after}`
    const page = await persistence.keepTrying(() =>
      client.call<RunDetail>('GET', `/api/v1/runs/${id}?limit=200${query}`),
    )
    for (const { index } of page.jobList) if (index !== undefined) yield index
    if (page.next === undefined) return
    after = page.next
  }
}

/** Says why nothing runs yet, and again when that changes. */
async function tellWaiting(
  { client, persistence, notify }: FollowOptions,
  run: RunDetail,
  signal: AbortSignal,
): Promise<void> {
  let said = ''
  try {
    while (!signal.aborted) {
      await sleep(askEveryMs, undefined, { signal })
      const now = await persistence.keepTrying(() => readRun(client, run.id))
      if (!waitingStates.includes(now.state) || now.startedAtMs !== undefined) return
      const text = describeWaiting(now)
      if (text !== said) notify(text)
      said = text
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

function readRun(client: Client, id: number): Promise<RunDetail> {
  return client.call<RunDetail>('GET', `/api/v1/runs/${id}?limit=0`)
}

function describeWaiting({ id, reason, message, place, estimatedStartAtMs }: RunDetail): string {
  if (reason === 'retry') return `Run ${id} is tried again. ${message ?? ''}`
  return [
    `Run ${id} waits.`,
    ...(message === undefined ? [] : [message]),
    ...(place === undefined ? [] : [`Place in the queue: ${place}.`]),
    ...(estimatedStartAtMs === undefined ? [] : [`Expected start: ${formatTime(estimatedStartAtMs)}.`]),
  ].join(' ')
}

/** How a run or job ended, for people. */
export function describeEnd({ state, message }: Pick<RunDetail, 'state' | 'message'>): string {
  return message === undefined ? `It ${state}.` : message
}

const statusOfSignals = 128
const failed = 1

/** The exit status that stands for a run that has ended: its program's own, or 128 and the signal that ended it. */
export function findExitStatus({ state, exitCode, exitSignal }: RunDetail): number {
  if (state === 'succeeded') return 0
  const signals: Readonly<Record<string, number>> = constants.signals
  const ofSignal = exitSignal === undefined ? undefined : signals[exitSignal]
  if (state === 'cancelled') return statusOfSignals + constants.signals.SIGINT
  if (ofSignal !== undefined) return statusOfSignals + ofSignal
  return exitCode === undefined || exitCode === 0 ? failed : exitCode
}
