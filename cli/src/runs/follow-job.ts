import { setTimeout as sleep } from 'node:timers/promises'

import { hasEnded } from '@atrium/contract/jobs.ts'
import type { RunDetail } from '@atrium/contract/runs-api.ts'

import type { Client } from '#client.ts'
import type { Persistence } from './persistence.ts'

export type RunJob = RunDetail['jobList'][number]

/** One job of a run. */
export interface FollowedJob {
  run: number
  /** Its number in the array; undefined for a run that is none. */
  index: number | undefined
}

export interface FollowOptions {
  client: Client
  persistence: Persistence
  signal: AbortSignal
  /** Output as it comes; more is read once it is taken. */
  write(bytes: Buffer): void | Promise<void>
  /** What is worth saying besides. */
  notify(message: string): void
}

const firstPauseMs = 50
const longestPauseMs = 1000

/**
 * Passes on the output of a job, try after try, from the first byte, whatever breaks in between: it counts what it has and asks for the
 * rest. Answers the job once it has ended; undefined when its record is gone.
 */
export async function followJob(options: FollowOptions, job: FollowedJob): Promise<RunJob | undefined> {
  let attempt = 1
  let offset = 0
  let pauseMs = firstPauseMs
  for (;;) {
    const before = offset
    offset = await passOn(options, job, { attempt, offset })
    const now = await options.persistence.keepTrying(() => findJob(options.client, job))
    if (now === undefined || (hasEnded(now.state) && now.try <= attempt)) return now
    if (now.try > attempt) {
      options.notify(`Try ${now.try} begins.`)
      attempt = now.try
      offset = 0
      continue
    }
    // The output has ended a little before the job's record says so, or it is about to be run again.
    pauseMs = offset > before ? firstPauseMs : Math.min(longestPauseMs, pauseMs * 2)
    await sleep(pauseMs, undefined, { signal: options.signal })
  }
}

async function passOn(
  { client, persistence, write }: FollowOptions,
  { run, index }: FollowedJob,
  from: { attempt: number; offset: number },
): Promise<number> {
  let { offset } = from
  const which = index === undefined ? '' : `&index=${index}`
  await persistence.keepTrying(async () => {
    const path = `/api/v1/runs/${run}/log?follow=true&try=${from.attempt}&offset=${offset}${which}`
    for await (const bytes of await client.stream(path, 'text')) {
      offset += bytes.length
      await write(bytes)
    }
  })
  return offset
}

/** One job of a run as it is now. */
export async function findJob(client: Client, { run, index }: FollowedJob): Promise<RunJob | undefined> {
  const after = index === undefined || index === 0 ? '' : `&after=${index - 1}`
  const { jobList } = await client.call<RunDetail>('GET', `/api/v1/runs/${run}?limit=1${after}`)
  return jobList.find((job) => job.index === index)
}
