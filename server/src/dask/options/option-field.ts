import { PlatformError } from '@atrium/contract/errors.ts'

import { toPythonText } from '#platform/python-text.ts'

/** What an option takes, as Dask Gateway's protocol writes it (dask_gateway_server 2026.3.0, `options.py`). */
export type OptionType =
  | { readonly type: 'string' | 'bool' | 'mapping' }
  | { readonly type: 'int' | 'float'; readonly min: number | null; readonly max: number | null }
  | { readonly type: 'select'; readonly options: readonly string[] }

/** One option as `GET /api/v1/options` shows it. The client refuses a default that does not fit the type. */
export interface OptionField {
  /** A Python name. */
  readonly field: string
  /** For forms. */
  readonly label: string
  readonly default: unknown
  readonly spec: OptionType
}

const longestText = 4096
/** Longer ones are cut in errors. */
const longestShown = 200

/**
 * The value as it is kept. Throws `unprocessable` in the reference server's words. Unlike there `True` is no number, which Python takes it
 * for, and what is no number at all (`NaN` cannot be in JSON, `1e999` can) is refused.
 */
export function parseOption({ field, spec }: OptionField, value: unknown): unknown {
  switch (spec.type) {
    case 'string':
      return parseText(field, value)
    case 'bool':
      if (typeof value !== 'boolean') throw refuse(`${field} must be a bool, got ${show(value)}`)
      return value
    case 'mapping':
      if (!isMapping(value)) throw refuse(`${field} must be a mapping, got ${show(value)}`)
      return value
    case 'select':
      if (typeof value !== 'string') throw refuse(`${field} must be a string, got ${show(value)}`)
      if (!spec.options.includes(value)) throw refuse(`${show(value)} is not a valid option for ${field}`)
      return value
    case 'int':
    case 'float':
      return parseNumber(field, spec, value)
  }
}

/** An `unprocessable`: the client raises it as a `ValueError` with these words. */
export function refuse(message: string): PlatformError {
  return new PlatformError('unprocessable', { message })
}

/** As Python writes it, cut where it is long. */
export function show(value: unknown): string {
  const text = toPythonText(value)
  return text.length > longestShown ? `${text.slice(0, longestShown)}…` : text
}

export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parseText(field: string, value: unknown): string {
  if (typeof value !== 'string') throw refuse(`${field} must be a string, got ${show(value)}`)
  if (value.length > longestText) throw refuse(`${field} has at most ${longestText} characters`)
  return value
}

function parseNumber(
  field: string,
  spec: Extract<OptionType, { min: number | null }>,
  value: unknown,
): number {
  const isWanted = spec.type === 'int' ? Number.isSafeInteger(value) : Number.isFinite(value)
  if (typeof value !== 'number' || !isWanted) {
    throw refuse(`${field} must be ${spec.type === 'int' ? 'an integer' : 'a float'}, got ${show(value)}`)
  }
  const shown = spec.type === 'float' ? showFloat(value) : String(value)
  if (spec.min !== null && value < spec.min) {
    throw refuse(`${field} must be >= ${spec.min.toFixed(6)}, got ${shown}`)
  }
  if (spec.max !== null && value > spec.max) {
    throw refuse(`${field} must be <= ${spec.max.toFixed(6)}, got ${shown}`)
  }
  return value
}

function showFloat(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : String(value)
}
