import { RestFailure } from './rest-failure.ts'
import type { RestAnswer } from './rest-transport.ts'
import { explainSlurmText } from './run-slurm-command.ts'
import { SlurmRefusal } from './slurm-client.ts'
import { isObject, readList, readNumber, readText } from './slurm-parse.ts'

/** An error as slurmrestd tells it, whatever the version. */
export interface RestError {
  /** Of slurm_errno.h; undefined when there is none that says anything. */
  number?: number
  text: string
}

/** Of slurm_errno.h: the daemon behind slurmrestd does not take the token, or slurmrestd itself does not. */
const isAuthentication = (number: number) =>
  number === 1007 || (number >= 6000 && number < 6100) || number === 9008
/** Connections, protocol, sockets, the database: the daemon behind slurmrestd is not there. */
const isSilence = (number: number) =>
  [1000, 1800, 5000].some((first) => number >= first && number < first + 100) || number === 7000
/** ZERO_BYTES_SENT, UNEXPECTED_MSG_ERROR: 22.05 and 23.11 answer an expired token so, and a slurmctld that is down. */
const unclear = [5005, 1000]
/** ESLURM_REST_EMPTY_RESULT: nothing was found. */
const emptyResult = 9003
/** ESLURM_INVALID_JOB_ID, ESLURM_ALREADY_DONE: what was to be ended has ended. */
const gone = new Set([2017, 2021])

/** The errors of an answer. */
export function readErrors(json: unknown): readonly RestError[] {
  return readList(json, 'errors').map((error) => {
    const number = readNumber(error['error_number']) ?? readNumber(error['error_code'])
    const words = [readText(error['error']), readText(error['description'])].filter((word) => word !== '')
    return {
      text: [...new Set(words)].join(': ') || 'an error without a text',
      ...(number === undefined || number <= 0 ? {} : { number }),
    }
  })
}

/** Errors that mean nothing to somebody who wanted a job gone. */
export function isGone({ number }: RestError): boolean {
  return number !== undefined && gone.has(number)
}

/**
 * Throws for an answer that is none: `RestFailure` when Slurm could not be asked, `SlurmRefusal` when it said no. `hint`: where to look when
 * the token is not taken.
 */
export function checkAnswer(answer: RestAnswer, hint: string): void {
  const { status, json, text } = answer
  if (!isObject(json)) {
    if ([401, 403, 511].includes(status)) throw buildTokenFailure(text || `status ${status}`, hint)
    throw new RestFailure(`status ${status} ${text}`.trim(), { mayHaveArrived: status !== 404 })
  }
  const errors = readErrors(json)
  const isEmpty = errors.length > 0 && errors.every(({ number }) => number === emptyResult)
  if (errors.length > 0 && !isEmpty) throw explainErrors(errors, hint)
  if (status === 401 && !isEmpty) throw buildTokenFailure('status 401', hint)
  if (status >= 400 && !isEmpty) throw new RestFailure(`status ${status}`, { mayHaveArrived: true })
}

/** What these errors are to the caller. */
export function explainErrors(errors: readonly RestError[], hint: string): Error {
  const numbers = errors.flatMap(({ number }) => number ?? [])
  // Of one trouble some errors tell only that there is one: the more precise come first.
  const text = errors
    .toSorted((a, b) => Number(b.number !== undefined) - Number(a.number !== undefined))
    .map((error) => error.text)
    .join('; ')
  if (numbers.some(isAuthentication)) return buildTokenFailure(text, hint)
  if (
    numbers.some((number) => unclear.includes(number)) ||
    errors.every(({ number }) => number === undefined)
  ) {
    return new RestFailure(`${text}. Slurm's daemon is away, or does not take the token: ${hint}`, {
      mayHaveArrived: true,
      isTokenTrouble: true,
    })
  }
  if (numbers.some(isSilence)) return new RestFailure(text, { mayHaveArrived: true })
  const explained = explainSlurmText('slurmrestd', text)
  return explained instanceof SlurmRefusal ? explained : new RestFailure(text, { mayHaveArrived: true })
}

/** The id of the job or array that was submitted; undefined when the answer has none. */
export function readJobId(json: unknown): number | undefined {
  if (!isObject(json)) return undefined
  const result = isObject(json['result']) ? json['result'] : {}
  return readNumber(json['job_id']) || readNumber(result['job_id']) || undefined
}

/** `22.05.8`, from what stands beside every answer. */
export function readRelease(json: unknown): string | undefined {
  const meta = isObject(json) && isObject(json['meta']) ? json['meta'] : {}
  const about = meta['slurm'] ?? meta['Slurm']
  return isObject(about) ? readText(about['release']) || undefined : undefined
}

function buildTokenFailure(text: string, hint: string): RestFailure {
  return new RestFailure(`it does not take our token (${text}): ${hint}`, {
    mayHaveArrived: false,
    isTokenTrouble: true,
  })
}
