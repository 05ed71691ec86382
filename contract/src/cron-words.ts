import type { CronField, CronLine } from './cron.ts'

const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]

/** More times of a day than this are told by their rule. */
const mostTimes = 6

/** What a line means, as a person would say it: `At 06:00, Monday to Friday`. */
export function describeCron(line: CronLine): string {
  return [describeTimes(line), describeDays(line), describeMonths(line.month)].filter(Boolean).join(', ')
}

function describeTimes({ minute, hour }: CronLine): string {
  const [minutes = 0] = minute.values
  const isOnce = minute.values.length === 1
  if (hour.step === 1 && minute.step !== undefined) return every(minute.step, 'minute')
  if (hour.step === 1)
    return `Every hour at ${joinWords(minute.values.map((value) => `:${twoDigits(value)}`))}`
  if (hour.step !== undefined && isOnce) {
    const times = `${every(hour.step, 'hour')} from 00:${twoDigits(minutes)} on`
    return hour.values.length > mostTimes ? times : `At ${joinWords(listTimes(hour, minute))}`
  }
  if (hour.values.length * minute.values.length <= mostTimes)
    return `At ${joinWords(listTimes(hour, minute))}`
  const hours = describeNumbers(hour.values, (value) => `${twoDigits(value)}:00`)
  if (minute.step !== undefined) return `${every(minute.step, 'minute')} in the hours of ${hours}`
  const past = joinWords(minute.values.map((value) => `:${twoDigits(value)}`))
  return `At ${past} in the hours of ${hours}`
}

function listTimes(hour: CronField, minute: CronField): string[] {
  return hour.values.flatMap((hours) =>
    minute.values.map((minutes) => `${twoDigits(hours)}:${twoDigits(minutes)}`),
  )
}

function describeDays({ dayOfMonth, dayOfWeek }: CronLine): string {
  const hasMonthDays = dayOfMonth.step !== 1
  const hasWeekDays = dayOfWeek.step !== 1
  const ofMonth = `on day ${describeNumbers(dayOfMonth.values, String)} of the month`
  const ofWeek = describeNumbers(dayOfWeek.values, (day) => days[day] ?? '')
  if (!hasMonthDays) return hasWeekDays ? ofWeek : ''
  if (!hasWeekDays) return ofMonth
  // Crontab's rule: either of two restrictions will do, but a day that fits `*` and its step must fit both.
  const isEither = !(dayOfMonth.isAny || dayOfWeek.isAny)
  return isEither ? `${ofMonth} and every ${ofWeek}` : `${ofMonth} if it is ${ofWeek}`
}

function describeMonths({ values, step }: CronField): string {
  return step === 1 ? '' : `in ${describeNumbers(values, (month) => months[month - 1] ?? '')}`
}

/** `1 to 5`, `1, 3 and 5`, `1 to 3 and 7`. */
function describeNumbers(values: readonly number[], wordOf: (value: number) => string): string {
  const runs: number[][] = []
  for (const value of values) {
    const run = runs.at(-1)
    if (run?.at(-1) === value - 1) run.push(value)
    else runs.push([value])
  }
  const words = runs.flatMap((run) => {
    const last = run.at(-1)
    return run.length > 2 && last !== undefined
      ? [`${wordOf(run[0] ?? last)} to ${wordOf(last)}`]
      : run.map(wordOf)
  })
  return joinWords(words)
}

function every(step: number, unit: string): string {
  return step === 1 ? `Every ${unit}` : `Every ${step} ${unit}s`
}

function joinWords(words: readonly string[]): string {
  if (words.length < 2) return words.join('')
  return `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0')
}
