import { type DestinationStream, pino } from 'pino'

import { formatLogLine } from './log-line.ts'

export type { Logger } from 'pino'

/** Fields whose values never reach a log, whoever passes them. */
const secretFields = ['password', 'token', 'secret', 'authorization', 'cookie', 'environment', 'secrets']

export interface LoggerOptions {
  name: string
  level?: string
  /** Lines for a terminal instead of JSON. */
  forPeople?: boolean
  /** Appended to, instead of standard error. Throws if it cannot be written. */
  file?: string
}

/** JSON lines on standard error; messages are constant, values are fields. */
export function createLogger({ level = 'info', name, forPeople = false, file }: LoggerOptions): pino.Logger {
  return pino(
    { level, name, redact: { paths: secretFields.flatMap((field) => [field, `*.${field}`]), censor: '***' } },
    forPeople ? terminal : pino.destination({ dest: file ?? 2, sync: true }),
  )
}

const terminal: DestinationStream = { write: (line) => void process.stderr.write(`${formatLogLine(line)}\n`) }

/** For tests that do not look at the log. */
export function createSilentLogger(): pino.Logger {
  return pino({ level: 'silent' })
}
