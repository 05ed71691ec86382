import { type TSchema, Type } from 'typebox'
import { Value } from 'typebox/value'

import type { Route } from '#http/define-route.ts'

/**
 * For `AppOptions.checkAnswer`: throws when an answer is not what its route declares, or holds a field that the schema does not name. Errors
 * are not looked at.
 */
export function checkAnswer(route: Route, status: number, payload: unknown): void {
  if (status >= 400) return
  const schema = route.schemas.responses[status]
  const where = `${route.method} ${route.path} ${status}`
  if (schema === undefined) throw new Error(`${where} is not declared`)
  if (schema === null) throw new Error(`${where} is declared to have no body`)
  const plain: unknown = JSON.parse(JSON.stringify(payload))
  if (!Value.Check(closed(schema), plain)) {
    const [error] = Value.Errors(closed(schema), plain)
    throw new Error(`${where} is not as declared: ${error?.instancePath} ${error?.message}`)
  }
}

/** The schema with objects that take no other fields than they name. */
function closed(schema: TSchema): TSchema {
  const copy = JSON.parse(JSON.stringify(schema), (_key, value) => {
    if (value === null || typeof value !== 'object') return value
    if (Array.isArray(value.allOf)) return mergeObjects(value.allOf)
    const isObject = value.type === 'object' && 'properties' in value
    return isObject && !('additionalProperties' in value) ? { ...value, additionalProperties: false } : value
  })
  return Type.Unsafe(copy)
}

/** Parts of one object: each would refuse the fields of the others. */
function mergeObjects(parts: readonly { properties: object; required?: readonly string[] }[]): object {
  return {
    type: 'object',
    properties: Object.assign({}, ...parts.map(({ properties }) => properties)),
    required: parts.flatMap(({ required = [] }) => required),
    additionalProperties: false,
  }
}
