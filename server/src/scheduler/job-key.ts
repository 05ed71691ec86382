import { randomBytes } from 'node:crypto'

import type { JobKind } from '@atrium/contract/jobs.ts'

import type { JobKey } from './job.ts'

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'
const randomCharacters = 20
const attemptPattern = /^(.+)-([1-9]\d*)$/

/** A new key, 100 random bits after the kind: `server-k2j4…`. Leaves room for an attempt's number within 63 characters. */
export function buildJobKey(kind: JobKind): JobKey {
  const characters = Array.from(randomBytes(randomCharacters), (byte) => alphabet[byte % alphabet.length])
  return `${kind}-${characters.join('')}`
}

/**
 * The key under which the scheduler sees one start of a job. Each start has its own: a key that was submitted before would answer with
 * the job that failed.
 */
export function buildAttemptKey(key: JobKey, attempt: number): JobKey {
  return `${key}-${attempt}`
}

/** The job and the attempt a scheduler's key belongs to; undefined for a key that is not ours. */
export function parseAttemptKey(attemptKey: JobKey): { key: JobKey; attempt: number } | undefined {
  const [, key, attempt] = attemptPattern.exec(attemptKey) ?? []
  return key === undefined ? undefined : { key, attempt: Number(attempt) }
}
