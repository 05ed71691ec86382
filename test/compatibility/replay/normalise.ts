import type { Step } from '../corpus/step.ts'
import type { RecordedAnswer } from './recorded-answer.ts'

/** What differs from run to run and stands for itself in recorded answers. */
export interface Volatile {
  /** The platform's own address, `http://127.0.0.1:1234`. */
  origin: string
  /** Value by the name it was captured under. */
  captured: ReadonlyMap<string, string>
}

/** Lists that are sets: their order says nothing, and the real hub's changes from run to run. */
const setFields = new Set(['scopes', 'roles', 'groups', 'users'])

/** True for a path that ends in a field whose list is a set. */
export function isSetField(field: string): boolean {
  return setFields.has(field.slice(field.lastIndexOf('/') + 1))
}

/** Fields of random values, by name, and what a good value looks like: one of another form stays visible. */
const randomFields: ReadonlyMap<string, RegExp> = new Map([
  ['id', /^a\d+$/],
  ['token_id', /^a\d+$/],
  ['token', /^[\w-]{20,}$/],
  ['access_token', /^[\w-]{20,}$/],
  ['session_id', /^[0-9a-f]{32}$/],
  ['code', /^[\w-]{20,}$/],
  ['JUPYTERHUB_API_TOKEN', /^[\w-]{20,}$/],
  ['JPY_API_TOKEN', /^[\w-]{20,}$/],
])

/** Makes an answer comparable: what changes from run to run is replaced by its kind, what is a set is sorted. */
export function normaliseAnswer(answer: RecordedAnswer, step: Step, run: Volatile): RecordedAnswer {
  const text = (value: string) => normaliseText(value, run)
  const headers = Object.fromEntries(
    Object.entries(answer.headers).map(([name, value]) => [name, text(value)]),
  )
  const body = normaliseValue(answer.body, '', 'body', { volatile: new Set(step.volatile), text })
  return {
    ...answer,
    headers,
    body: step.unordered === undefined ? body : sortList(body, 'body', step.unordered),
  }
}

interface Rules {
  volatile: ReadonlySet<string>
  text(value: string): string
}

function normaliseValue(value: unknown, key: string, field: string, rules: Rules): unknown {
  if (rules.volatile.has(field)) return `<${typeof value}>`
  if (typeof value === 'string') return normaliseString(value, key, rules)
  if (key === 'pid' && typeof value === 'number' && value > 0) return '<pid>'
  if (Array.isArray(value)) {
    const items = value.map((item, at) => normaliseValue(item, key, `${field}/${at}`, rules))
    return setFields.has(key) ? items.toSorted() : items
  }
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, item]) => [rules.text(name), normaliseValue(item, name, `${field}/${name}`, rules)]),
  )
}

function normaliseString(value: string, key: string, rules: Rules): string {
  if (randomFields.get(key)?.test(value)) return `<${key}>`
  if (key === 'scope') return value.split(' ').toSorted().join(' ')
  if (key.endsWith('_SCOPES')) return JSON.stringify(JSON.parse(value))
  return rules.text(value)
}

function normaliseText(value: string, { origin, captured }: Volatile): string {
  let text = value.replaceAll(origin, '<origin>').replaceAll(encodeURIComponent(origin), '<origin>')
  for (const [name, secret] of captured) text = replaceWord(text, secret, `<${name}>`)
  return text
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z/g, '<time>')
    .replace(/\b[0-9a-f]{32}\b/g, '<secret>')
    .replace(/\bsc_\d+\b/g, '<share code id>')
    .replace(/((?:\?|&|%3F|%26)code(?:=|%3D))[\w-]{20,}/g, '$1<code>')
    .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:<port>')
}

/** Replaces a captured value where it stands alone, not inside of a longer word. */
function replaceWord(text: string, word: string, by: string): string {
  const escaped = word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return text.replace(new RegExp(`(?<![\\w-])${escaped}(?![\\w-])`, 'g'), by)
}

/** Sorts the one list of a body that has no order of its own. */
function sortList(value: unknown, field: string, { list, by }: NonNullable<Step['unordered']>): unknown {
  if (field === list && Array.isArray(value)) {
    const key = (item: unknown) => String((item as Readonly<Record<string, unknown>>)[by])
    return value.toSorted((a, b) => (key(a) < key(b) ? -1 : 1))
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, sortList(item, `${field}/${name}`, { list, by })]),
  )
}
