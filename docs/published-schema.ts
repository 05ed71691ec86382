/** A JSON Schema as far as it is of interest here. */
interface SchemaNode {
  required?: readonly string[]
  properties?: Record<string, { default?: unknown }>
  [keyword: string]: unknown
}

/** Our schemas describe what is read, defaults filled in; who writes leaves out whatever has a default. A copy for editors and Helm. */
export function buildPublishedSchema(schema: object): Record<string, unknown> {
  return publish(schema) as Record<string, unknown>
}

function publish(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(publish)
  if (typeof node !== 'object' || node === null) return node
  const { required, ...rest } = node as SchemaNode
  const needed = isList(required)
    ? required.filter((key) => rest.properties?.[key]?.default === undefined)
    : required
  return {
    ...Object.fromEntries(Object.entries(rest).map(([keyword, value]) => [keyword, publish(value)])),
    ...(needed === undefined || (isList(needed) && needed.length === 0) ? {} : { required: needed }),
  }
}

function isList(value: unknown): value is readonly string[] {
  return Array.isArray(value)
}
