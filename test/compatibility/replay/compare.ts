import { isSetField } from './normalise.ts'
import type { RecordedAnswer } from './recorded-answer.ts'

/** One field in which two answers differ. */
export interface Difference {
  /** `status`, `headers/location`, `cookies/_xsrf /hub/`, `body/servers/lab/ready`. */
  field: string
  kind: 'missing' | 'extra' | 'different'
  reference: unknown
  seen: unknown
}

/** Compares field by field, down to the leaves; sets by what is in them. */
export function compareAnswers(reference: RecordedAnswer, seen: RecordedAnswer): readonly Difference[] {
  return [
    ...compareValues(reference.status, seen.status, 'status'),
    ...compareValues(reference.headers, seen.headers, 'headers'),
    ...compareValues(reference.cookies, seen.cookies, 'cookies'),
    ...compareValues(reference.body, seen.body, 'body'),
  ]
}

function compareValues(reference: unknown, seen: unknown, field: string): readonly Difference[] {
  if (Array.isArray(reference) && Array.isArray(seen)) {
    const listEntries = isSetField(field) ? listMembers : Object.entries
    return compareEntries(listEntries(reference), listEntries(seen), field)
  }
  if (isRecord(reference) && isRecord(seen)) {
    return compareEntries(Object.entries(reference), Object.entries(seen), field)
  }
  return Object.is(reference, seen) ? [] : [{ field, kind: 'different', reference, seen }]
}

type Entries = readonly (readonly [string, unknown])[]

function compareEntries(reference: Entries, seen: Entries, field: string): readonly Difference[] {
  const [wanted, found] = [new Map(reference), new Map(seen)]
  const both = [...wanted].flatMap(([key, value]) =>
    found.has(key)
      ? compareValues(value, found.get(key), `${field}/${key}`)
      : [{ field: `${field}/${key}`, kind: 'missing' as const, reference: value, seen: undefined }],
  )
  const extra = [...found]
    .filter(([key]) => !wanted.has(key))
    .map(([key, value]) => ({
      field: `${field}/${key}`,
      kind: 'extra' as const,
      reference: undefined,
      seen: value,
    }))
  return [...both, ...extra]
}

function listMembers(set: readonly unknown[]): Entries {
  return set.map((member) => [String(member), member])
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
