/** Stands for the value of a variable. */
const hidden = '…'

/**
 * A cluster's options for those who may not compute on it: of mappings (`environment_vars`) the names alone, since people keep secrets in
 * variables.
 */
export function hideValues(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [name, hideMapping(value)]))
}

function hideMapping(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.keys(value).map((name) => [name, hidden]))
}
