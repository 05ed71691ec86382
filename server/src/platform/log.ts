import { pino } from 'pino'

export type { Logger } from 'pino'

/** Fields whose values never reach a log, whoever passes them. */
const secretFields = ['password', 'token', 'secret', 'authorization', 'cookie', 'environment', 'secrets']

/** JSON lines on standard error; messages are constant, values are fields. */
export function createLogger({ level = 'info', name }: { level?: string; name: string }): pino.Logger {
  return pino(
    { level, name, redact: { paths: secretFields.flatMap((field) => [field, `*.${field}`]), censor: '***' } },
    pino.destination({ dest: 2, sync: true }),
  )
}

/** For tests that do not look at the log. */
export function createSilentLogger(): pino.Logger {
  return pino({ level: 'silent' })
}
