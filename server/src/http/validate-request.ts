import { PlatformError } from '@atrium/contract/errors.ts'
import type { TSchema } from 'typebox'
import { Value } from 'typebox/value'

/** What comes as text only and is converted to the schema's types. */
export function parseTextValues(
  schema: TSchema | undefined,
  values: unknown,
  where: 'query' | 'path',
): unknown {
  if (schema === undefined) return values
  return checked(schema, Value.Convert(schema, Value.Default(schema, { ...(values as object) })), where)
}

/** A JSON body, as the schema says, with its defaults. */
export function parseBodyValue(schema: TSchema | undefined, body: unknown): unknown {
  if (schema === undefined) return body
  return checked(schema, Value.Default(schema, body), 'body')
}

/** Throws `bad_request` that names the first thing that does not fit. */
function checked(schema: TSchema, value: unknown, where: string): unknown {
  if (Value.Check(schema, value)) return value
  const [error] = Value.Errors(schema, value)
  const path = error?.instancePath.slice(1).replaceAll('/', '.') ?? ''
  throw new PlatformError('bad_request', {
    message: `${path === '' ? where : `${where}: ${path}`} ${error?.message ?? 'is not valid'}`,
  })
}
