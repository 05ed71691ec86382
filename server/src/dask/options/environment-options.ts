import { isMapping, refuse, show } from './option-field.ts'

const namePattern = /^[A-Za-z_][A-Za-z0-9_]*$/
const mostVariables = 200
const mostBytes = 64 * 1024

/** What the platform says to its own programs, and theirs to one another. */
const ownNames = /^(ATRIUM|JUPYTERHUB|DASK_GATEWAY)_/

/** The option `environment`; undefined: none was chosen. */
export function parseEnvironmentPrefix(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined
  if (!text.startsWith('/') || /\p{Cc}/u.test(text) || text.split('/').includes('..')) {
    throw refuse(`environment must be the absolute path of a Python environment, got ${show(text)}`)
  }
  return text.replace(/\/+$/, '') || '/'
}

/** The option `environment_vars`. Numbers are taken as people write them in forms. */
export function parseEnvironmentVariables(mapping: unknown): Readonly<Record<string, string>> {
  if (mapping === undefined) return {}
  if (!isMapping(mapping)) throw refuse(`environment_vars must be a mapping, got ${show(mapping)}`)
  const entries = Object.entries(mapping)
  if (entries.length > mostVariables) throw refuse(`environment_vars has at most ${mostVariables} variables`)
  const variables = Object.fromEntries(entries.map(([name, value]) => [name, parseVariable(name, value)]))
  if (Buffer.byteLength(JSON.stringify(variables)) > mostBytes) {
    throw refuse(`environment_vars has at most ${mostBytes} bytes`)
  }
  return variables
}

function parseVariable(name: string, value: unknown): string {
  if (!namePattern.test(name)) throw refuse(`environment_vars: ${show(name)} is no name of a variable`)
  if (ownNames.test(name)) throw refuse(`environment_vars: ${name} is the platform's own`)
  if (typeof value === 'number') return String(value)
  if (typeof value !== 'string')
    throw refuse(`environment_vars: ${name} must be a string, got ${show(value)}`)
  if (value.includes('\0')) throw refuse(`environment_vars: ${name} must have no NUL in it`)
  return value
}
