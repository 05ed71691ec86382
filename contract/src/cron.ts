/**
 * Lines of cron: five fields as crontab(5) has them, or `@daily` and the like. The server runs schedules by it, and the portal shows with
 * the same code what a line means.
 */

/** One field: the numbers it allows, and whether it was written as "any". */
export interface CronField {
  readonly values: readonly number[]
  /** Begins with `*`: days of month and week are then no restriction, and hours go on through changes of the clock. */
  readonly isAny: boolean
  /** Of `*` and `*` with a step: the step, 1 without. */
  readonly step?: number
}

export interface CronLine {
  readonly minute: CronField
  readonly hour: CronField
  readonly dayOfMonth: CronField
  readonly month: CronField
  /** 0 is Sunday. */
  readonly dayOfWeek: CronField
}

/** A line that means nothing; `message` says to a person which part. */
export class CronError extends Error {
  override readonly name = 'CronError'
}

const monthNames = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

const nicknames: Record<string, string> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
}

interface FieldRule {
  readonly name: string
  readonly lowest: number
  readonly highest: number
  readonly names?: { readonly first: number; readonly words: readonly string[] }
}

const rules = {
  minute: { name: 'minute', lowest: 0, highest: 59 },
  hour: { name: 'hour', lowest: 0, highest: 23 },
  dayOfMonth: { name: 'day of the month', lowest: 1, highest: 31 },
  month: { name: 'month', lowest: 1, highest: 12, names: { first: 1, words: monthNames } },
  dayOfWeek: { name: 'day of the week', lowest: 0, highest: 7, names: { first: 0, words: dayNames } },
} as const satisfies Record<string, FieldRule>

/** Reads a line. Throws `CronError`, also for days that never come, such as the 30th of February. */
export function parseCron(text: string): CronLine {
  const trimmed = text.trim()
  if (trimmed.startsWith('@') && !Object.hasOwn(nicknames, trimmed.toLowerCase())) {
    throw new CronError(`There is no ${trimmed}; there are ${Object.keys(nicknames).join(', ')}.`)
  }
  const parts = (nicknames[trimmed.toLowerCase()] ?? trimmed).split(/\s+/)
  const [minute = '', hour = '', dayOfMonth = '', month = '', dayOfWeek = ''] = parts
  if (parts.length !== 5) {
    throw new CronError('Five fields are needed: minute, hour, day of the month, month, day of the week.')
  }
  const weekdays = parseField(dayOfWeek, rules.dayOfWeek)
  const line: CronLine = {
    minute: parseField(minute, rules.minute),
    hour: parseField(hour, rules.hour),
    dayOfMonth: parseField(dayOfMonth, rules.dayOfMonth),
    month: parseField(month, rules.month),
    // 7 is Sunday too.
    dayOfWeek: { ...weekdays, values: sortNumbers(weekdays.values.map((day) => day % 7)) },
  }
  if (!canEverCome(line)) throw new CronError('No month that is named has such a day.')
  return line
}

function parseField(text: string, rule: FieldRule): CronField {
  const values = text.split(',').flatMap((part) => parsePart(part, rule))
  const step = /^\*(?:\/(\d+))?$/.exec(text)
  return {
    values: sortNumbers(values),
    isAny: text.startsWith('*'),
    ...(step && { step: Number(step[1] ?? 1) }),
  }
}

/** `*`, `5`, `mon`, `1-5`, each with `/2`. */
function parsePart(text: string, rule: FieldRule): number[] {
  const match = /^(\*|[a-z0-9]+)(?:-([a-z0-9]+))?(?:\/(\d{1,4}))?$/i.exec(text)
  const [, start = '', end, stepText] = match ?? []
  const step = Number(stepText ?? 1)
  if (!match || (start === '*' && end) || step === 0) throw new CronError(`“${text}” is no ${rule.name}.`)
  if (start !== '*' && end === undefined && stepText !== undefined) {
    throw new CronError(`“${text}” is no ${rule.name}: a step follows a range or *.`)
  }
  const highest = rule === rules.dayOfWeek && start === '*' ? 6 : rule.highest
  const from = start === '*' ? rule.lowest : parseNumber(start, rule)
  const to = start === '*' ? highest : end === undefined ? from : parseNumber(end, rule)
  if (to < from) throw new CronError(`“${text}” is no ${rule.name}: it ends before it begins.`)
  const values: number[] = []
  for (let value = from; value <= to; value += step) values.push(value)
  return values
}

function parseNumber(text: string, rule: FieldRule): number {
  const named = rule.names?.words.indexOf(text.toLowerCase()) ?? -1
  const number = rule.names && named >= 0 ? named + rule.names.first : Number(text)
  if (Number.isInteger(number) && number >= rule.lowest && number <= rule.highest) return number
  throw new CronError(`“${text}” is no ${rule.name}: ${rule.lowest} to ${rule.highest} are.`)
}

function sortNumbers(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b)
}

const longestMonths = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

function canEverCome({ dayOfMonth, month, dayOfWeek }: CronLine): boolean {
  if (dayOfMonth.isAny || !dayOfWeek.isAny) return true
  return month.values.some((each) => (dayOfMonth.values[0] ?? 0) <= (longestMonths[each - 1] ?? 0))
}
