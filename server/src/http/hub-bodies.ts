import { PlatformError } from '@atrium/contract/errors.ts'

import { toPythonText, toPythonType } from '#platform/python-text.ts'

const longestMessage = 1000

/** What a field of a body must be, in Python's words. */
type PythonType = 'str' | 'bool' | 'list' | 'dict'

const userFields = { name: 'str', admin: 'bool', groups: 'list', roles: 'list', auth_state: 'dict' } as const
const groupFields = { name: 'str', users: 'list', roles: 'list' } as const
const serviceFields = {
  name: 'str',
  admin: 'bool',
  url: 'str',
  oauth_client_allowed_scopes: 'list',
  api_token: 'str',
  info: 'dict',
  display: 'bool',
  oauth_no_confirm: 'bool',
  command: 'list',
  cwd: 'str',
  environment: 'dict',
  user: 'str',
  oauth_client_id: 'str',
  oauth_redirect_uri: 'str',
} as const satisfies Record<string, PythonType>

interface TypeOf {
  str: string
  bool: boolean
  list: readonly unknown[]
  dict: Readonly<Record<string, unknown>>
}

type Body<Fields extends Record<string, PythonType>> = {
  readonly [key in keyof Fields]?: TypeOf[Fields[key]]
}

/** What may be said of a user. Throws `bad_request` in JupyterHub's words. */
export function parseUserBody(body: unknown): Body<typeof userFields> {
  return parseBody(body, userFields, 'user')
}

/** What may be said of a group. */
export function parseGroupBody(body: unknown): Body<typeof groupFields> {
  return parseBody(body, groupFields, 'group')
}

/** What may be said of a service. */
export function parseServiceBody(body: unknown): Body<typeof serviceFields> {
  return parseBody(body, serviceFields, 'service')
}

/** A list of names. Throws `bad_request` when something else is in it. */
export function parseNames(list: readonly unknown[], what: string): readonly string[] {
  return list.map((name) => {
    if (typeof name === 'string') return name
    throw refusal(`${what} must be str, not ${toPythonType(name)}`)
  })
}

/** True for a JSON object. */
export function isObject(body: unknown): body is Readonly<Record<string, unknown>> {
  return typeof body === 'object' && body !== null && !Array.isArray(body)
}

function parseBody<Fields extends Record<string, PythonType>>(
  body: unknown,
  fields: Fields,
  what: string,
): Body<Fields> {
  if (!isObject(body)) throw refusal(`Invalid JSON data: ${toPythonText(body)}`)
  if (Object.keys(body).some((key) => !Object.hasOwn(fields, key))) {
    throw refusal(`Invalid JSON keys: ${toPythonText(body)}`)
  }
  for (const [key, value] of Object.entries(body)) {
    const wanted = `<class '${fields[key]}'>`
    if (toPythonType(value) !== wanted) {
      throw refusal(`${what}.${key} must be ${wanted}, not: ${toPythonType(value)}`)
    }
  }
  // Every field was just seen to be of its type.
  return body as Body<Fields>
}

/** Shows what was refused, but not all of a long one. */
function refusal(message: string): PlatformError {
  return new PlatformError('bad_request', {
    message: message.length > longestMessage ? `${message.slice(0, longestMessage)}…` : message,
  })
}
