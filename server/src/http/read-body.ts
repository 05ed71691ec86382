import querystring from 'node:querystring'

import { PlatformError } from '@atrium/contract/errors.ts'

import type { Route } from './define-route.ts'

/** Turns a body's text into what the route's handler gets; undefined for an empty one. Throws `bad_request` for malformed JSON. */
export function parseBody(text: string, accepts: Route['accepts'], contentType: string | undefined): unknown {
  if (accepts === 'raw') return text
  if (accepts === 'form' && !isJson(contentType)) return { ...querystring.parse(text) }
  return text === '' ? undefined : parseJson(text)
}

/** True for `application/json`, whatever parameters follow. */
export function isJson(contentType: string | undefined): boolean {
  return contentType !== undefined && /^\s*application\/json\s*(;|$)/i.test(contentType)
}

function parseJson(text: string): unknown {
  try {
    return mayNamePrototype.test(text) ? JSON.parse(text, dropPrototypeKey) : JSON.parse(text)
  } catch (cause) {
    throw new PlatformError('bad_request', { message: 'Invalid JSON in body of request', cause })
  }
}

/** `__proto__`, with or without its underscores escaped. */
const mayNamePrototype = /__proto__|\\u005f/i

/** JSON's `__proto__` is an own key, harmless until somebody copies it onto another object. */
function dropPrototypeKey(key: string, value: unknown): unknown {
  return key === '__proto__' ? undefined : value
}
