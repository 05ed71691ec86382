import { PlatformError } from '@atrium/contract/errors.ts'

import type { UserOptions } from './server-records.ts'

/** What a request to start or create a server says. */
export interface ServerBody {
  /** Absent: as before, or the server's name. */
  displayName?: string
  /** Absent: as at the last start. */
  userOptions?: UserOptions
}

/** What a request to change a server says; absent: leave it. */
export interface ServerPatch extends ServerBody {
  name?: string
}

const patchKeys = new Set(['name', 'display_name', 'user_options'])

/**
 * Reads the body of a start. Before JupyterHub 6 the whole body was the user options, and it still is when it names neither them nor a
 * display name. Throws `bad_request` in JupyterHub's words.
 */
export function parseServerBody(body: unknown): ServerBody {
  if (isEmpty(body)) return {}
  if (!isObject(body)) throw refusal('Body must be a JSON object')
  const { display_name: displayName, user_options: userOptions } = body
  if ('display_name' in body && typeof displayName !== 'string') {
    throw refusal('display_name must be a string')
  }
  if ('user_options' in body && userOptions !== null && !isObject(userOptions)) {
    throw refusal('user_options must be an object or null')
  }
  if (!('display_name' in body) && !('user_options' in body)) return { userOptions: body }
  return {
    ...(typeof displayName === 'string' && displayName !== '' ? { displayName } : {}),
    ...(isObject(userOptions) ? { userOptions } : {}),
  }
}

/** Reads the body of a change. Throws `bad_request` in JupyterHub's words. */
export function parseServerPatch(body: unknown): ServerPatch {
  if (!isObject(body) || Object.keys(body).length === 0) {
    throw refusal('Must specify at least one field to modify.')
  }
  const unknown = Object.keys(body).filter((key) => !patchKeys.has(key))
  if (unknown.length > 0) {
    throw refusal(`Unexpected fields: ${unknown.join(', ')}, supported fields: ${[...patchKeys].join(', ')}`)
  }
  const { name, display_name: displayName, user_options: userOptions } = body
  if (name !== undefined && typeof name !== 'string') throw refusal('name must be a string')
  if (displayName !== undefined && typeof displayName !== 'string')
    throw refusal('display_name must be a string')
  if ('user_options' in body && !isObject(userOptions)) throw refusal('user_options must be a dict')
  return {
    ...(name === undefined ? {} : { name }),
    ...(displayName === undefined || displayName === '' ? {} : { displayName }),
    ...(isObject(userOptions) ? { userOptions } : {}),
  }
}

/** Whether the body of a stop asks for the server's record to go too. */
export function parseRemove(body: unknown): boolean {
  return isObject(body) && isTruthy(body['remove'])
}

function isTruthy(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== 0 && value !== ''
}

function isEmpty(body: unknown): boolean {
  return (
    !isTruthy(body) ||
    (Array.isArray(body) && body.length === 0) ||
    (isObject(body) && Object.keys(body).length === 0)
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function refusal(message: string): PlatformError {
  return new PlatformError('bad_request', { message })
}
