/**
 * A JSON value as Python's `repr` writes it. JupyterHub's messages show what they refuse in this form, and clients' tests compare them.
 */
export function toPythonText(value: unknown): string {
  if (value === null || value === undefined) return 'None'
  if (value === true) return 'True'
  if (value === false) return 'False'
  if (typeof value === 'string') return quote(value)
  if (Array.isArray(value)) return `[${value.map(toPythonText).join(', ')}]`
  if (typeof value === 'object') {
    const entries = Object.entries(value).map(([key, item]) => `${quote(key)}: ${toPythonText(item)}`)
    return `{${entries.join(', ')}}`
  }
  return String(value)
}

/** The Python type that a JSON value becomes: `<class 'str'>`. */
export function toPythonType(value: unknown): string {
  const name =
    value === null || value === undefined
      ? 'NoneType'
      : Array.isArray(value)
        ? 'list'
        : ({ string: 'str', boolean: 'bool', object: 'dict' } as Record<string, string>)[typeof value]
  return `<class '${name ?? (Number.isInteger(value) ? 'int' : 'float')}'>`
}

function quote(text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'"
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll(mark, `\\${mark}`)
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t')
    .replaceAll(
      /[\p{Cc}\p{Cs}]/gu,
      (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
    )
  return `${mark}${escaped}${mark}`
}
