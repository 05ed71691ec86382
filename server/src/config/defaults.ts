interface DefaultedSchema {
  default?: unknown
  properties?: Record<string, DefaultedSchema>
  patternProperties?: Record<string, DefaultedSchema>
  items?: DefaultedSchema
}

/** `value` with the schema's defaults filled in, as a copy. What the schema does not describe stays as it is. */
export function applyDefaults(schema: object, value: unknown): unknown {
  return fill(schema as DefaultedSchema, value)
}

function fill(schema: DefaultedSchema, value: unknown): unknown {
  const present = value === undefined ? structuredClone(schema.default) : value
  if (Array.isArray(present) && schema.items !== undefined) {
    const { items } = schema
    return present.map((item) => fill(items, item))
  }
  if (typeof present !== 'object' || present === null) return present
  const result: Record<string, unknown> = { ...present }
  const [anyKey] = Object.values(schema.patternProperties ?? {})
  if (anyKey !== undefined) for (const key of Object.keys(result)) result[key] = fill(anyKey, result[key])
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    const filled = fill(property, result[key])
    if (filled !== undefined) result[key] = filled
  }
  return result
}
