import type { RecordedAnswer } from './recorded-answer.ts'

/** What earlier steps captured, by name. */
export interface Captured {
  readonly values: ReadonlyMap<string, string>
  /** Throws when no earlier step captured it. */
  get(name: string): string
  /** Replaces every `{{name}}`. */
  fill(text: string): string
  /** Takes from an answer what is named in `fields`; what is not there is not captured. */
  takeFrom(answer: RecordedAnswer, fields: Readonly<Record<string, string>>): void
}

export function createCaptured(): Captured {
  const values = new Map<string, string>()
  const self: Captured = {
    values,
    get(name) {
      const value = values.get(name)
      if (value === undefined) throw new Error(`no earlier step captured "${name}"`)
      return value
    },
    fill: (text) => text.replace(/\{\{([\w-]+)\}\}/g, (_, name: string) => self.get(name)),
    takeFrom(answer, fields) {
      for (const [name, field] of Object.entries(fields)) {
        const value = findText(answer, field)
        if (value !== undefined) values.set(name, value)
      }
    },
  }
  return self
}

/** The value at a path into the answer: `body/token`, `status`. */
export function findValue(answer: RecordedAnswer, field: string): unknown {
  return field
    .split('/')
    .reduce<unknown>(
      (value, key) =>
        typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined,
      answer,
    )
}

/** `location?code`: a parameter of the redirect's target; else a path into the answer. */
function findText(answer: RecordedAnswer, field: string): string | undefined {
  if (!field.startsWith('location?')) {
    const value = findValue(answer, field)
    return typeof value === 'string' ? value : undefined
  }
  const target = new URL(answer.headers['location'] ?? '/', 'http://hub')
  return target.searchParams.get(field.slice('location?'.length)) ?? undefined
}
