import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { CronError, parseCron } from './cron.ts'
import { listCronTimes } from './cron-times.ts'
import { describeCron } from './cron-words.ts'

/** The next times after `after` as ISO text. */
function nextTimes(line: string, timezone: string, after: string, count = 3): string[] {
  return listCronTimes(parseCron(line), timezone, Date.parse(after), count).map((atMs) =>
    new Date(atMs).toISOString().slice(0, 16),
  )
}

describe('a line of cron', () => {
  const words: [line: string, meaning: string][] = [
    ['0 6 * * 1-5', 'At 06:00, Monday to Friday'],
    ['@daily', 'At 00:00'],
    ['@hourly', 'Every hour at :00'],
    ['* * * * *', 'Every minute'],
    ['*/15 * * * *', 'Every 15 minutes'],
    ['5,35 * * * *', 'Every hour at :05 and :35'],
    ['0 */2 * * *', 'Every 2 hours from 00:00 on'],
    ['30 */12 * * *', 'At 00:30 and 12:30'],
    ['0 8,20 * * sat,SUN', 'At 08:00 and 20:00, Sunday and Saturday'],
    ['*/10 8-18 * * mon-fri', 'Every 10 minutes in the hours of 08:00 to 18:00, Monday to Friday'],
    ['0 0 1,15 * *', 'At 00:00, on day 1 and 15 of the month'],
    ['0 0 13 * 5', 'At 00:00, on day 13 of the month and every Friday'],
    ['0 4 1 jan,jul *', 'At 04:00, on day 1 of the month, in January and July'],
    ['0 0 * * 7', 'At 00:00, Sunday'],
  ]
  for (const [line, meaning] of words) {
    test(`${line} is told as “${meaning}”`, () => assert.equal(describeCron(parseCron(line)), meaning))
  }

  const wrong: [line: string, message: RegExp][] = [
    ['', /Five fields/],
    ['0 6 * *', /Five fields/],
    ['0 6 * * * *', /Five fields/],
    ['60 * * * *', /“60” is no minute: 0 to 59 are/],
    ['0 24 * * *', /no hour/],
    ['0 0 0 * *', /no day of the month/],
    ['0 0 * foo *', /“foo” is no month/],
    ['0 0 * * 5-1', /ends before it begins/],
    ['*/0 * * * *', /no minute/],
    ['5/10 * * * *', /a step follows a range/],
    ['1,,2 * * * *', /“” is no minute/],
    ['0 0 30 2 *', /No month that is named has such a day/],
    ['@reboot', /There is no @reboot/],
  ]
  for (const [line, message] of wrong) {
    test(`“${line}” is refused with its reason`, () => {
      assert.throws(
        () => parseCron(line),
        (error: unknown) => error instanceof CronError && message.test(error.message),
      )
    })
  }
})

describe('the next times of a line', () => {
  test('are by the clock of the zone', () => {
    const expected = ['2026-11-27T05:00', '2026-11-30T05:00', '2026-12-01T05:00']
    assert.deepEqual(nextTimes('0 6 * * 1-5', 'Europe/Berlin', '2026-11-26T05:00Z'), expected)
    assert.deepEqual(nextTimes('30 9 * * *', 'Asia/Kolkata', '2026-11-26T00:00Z', 1), ['2026-11-26T04:00'])
    assert.deepEqual(nextTimes('0 0 * * *', 'America/Los_Angeles', '2026-11-26T07:59Z', 1), [
      '2026-11-26T08:00',
    ])
  })

  test('take either of two kinds of days, as crontab does', () => {
    assert.deepEqual(nextTimes('0 0 13 * 5', 'UTC', '2026-11-26T00:00Z'), [
      '2026-11-27T00:00',
      '2026-12-04T00:00',
      '2026-12-11T00:00',
    ])
    assert.deepEqual(nextTimes('0 0 1 * *', 'UTC', '2026-11-26T00:00Z', 2), [
      '2026-12-01T00:00',
      '2027-01-01T00:00',
    ])
  })

  test('come later by the jump when the clock is put forward over them', () => {
    assert.deepEqual(nextTimes('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00Z', 2), [
      '2026-03-29T01:30',
      '2026-03-30T00:30',
    ])
  })

  test('come once when the clock is put back over them, at its first time', () => {
    assert.deepEqual(nextTimes('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00Z', 2), [
      '2026-10-25T00:30',
      '2026-10-26T01:30',
    ])
  })

  test('of any hour go by the time that passes', () => {
    assert.deepEqual(nextTimes('30 * * * *', 'Europe/Berlin', '2026-10-24T23:45Z', 4), [
      '2026-10-25T00:30',
      '2026-10-25T01:30',
      '2026-10-25T02:30',
      '2026-10-25T03:30',
    ])
    assert.deepEqual(nextTimes('30 * * * *', 'Europe/Berlin', '2026-03-29T00:00Z', 3), [
      '2026-03-29T00:30',
      '2026-03-29T01:30',
      '2026-03-29T02:30',
    ])
  })

  test('reach to the next leap day, and say so of a zone that nobody knows', () => {
    assert.deepEqual(nextTimes('0 0 29 2 *', 'UTC', '2026-11-26T00:00Z', 2), [
      '2028-02-29T00:00',
      '2032-02-29T00:00',
    ])
    assert.throws(
      () => nextTimes('@daily', 'Mars/Olympus', '2026-11-26T00:00Z'),
      /no time zone “Mars\/Olympus”/,
    )
  })
})
