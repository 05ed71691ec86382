import assert from 'node:assert/strict'
import { test } from 'node:test'

import { PlatformError } from '@atrium/contract/errors.ts'
import { pino } from 'pino'

import { formatLogLine } from './log-line.ts'

/** What a terminal shows of one call of the logger. */
function show(log: (logger: pino.Logger) => void): string {
  const lines: string[] = []
  log(pino({ name: 'atrium' }, { write: (line) => void lines.push(line) }))
  return formatLogLine(lines[0] ?? '')
}

test('a warning is one line: when, what, the values, the reason; no stack trace', () => {
  const err = new PlatformError('scheduler_unavailable', { message: 'The agent is gone.' })
  const line = show((logger) => logger.warn({ driver: 'local', err }, 'the scheduler does not answer'))
  assert.match(
    line,
    /^\d\d:\d\d:\d\d warning: the scheduler does not answer \(driver local\): The agent is gone\.$/,
  )
})

test('an error that nobody foresaw keeps its stack trace', () => {
  assert.match(
    show((logger) => logger.error({ err: new TypeError('x is undefined') }, 'a request failed')),
    /\n +at /,
  )
})

test('text of others cannot drive the terminal', () => {
  assert.match(
    show((logger) => logger.warn({ user: 'eve\u001b[2J' }, 'odd name')),
    /\(user eve\\x1b\[2J\)/,
  )
})
