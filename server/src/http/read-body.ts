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
  if (isTooDeep(text))
    throw new PlatformError('bad_request', { message: 'JSON in body of request is nested too deeply' })
  try {
    return mayNamePrototype.test(text) ? JSON.parse(text, dropPrototypeKey) : JSON.parse(text)
  } catch (cause) {
    throw new PlatformError('bad_request', { message: 'Invalid JSON in body of request', cause })
  }
}

/** Nothing we read is nested like this; what is would end the stack of whoever walks through it later. */
const deepestNesting = 100
const [quote, backslash] = [0x22, 0x5c]

/** Says so of JSON, or of what pretends to be, without reading it: brackets inside of strings do not count. */
function isTooDeep(text: string): boolean {
  let depth = 0
  let isInString = false
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (isInString) {
      if (code === backslash) at += 1
      else if (code === quote) isInString = false
    } else if (code === quote) isInString = true
    else if (code === 0x5b || code === 0x7b) depth += 1
    else if (code === 0x5d || code === 0x7d) depth -= 1
    if (depth > deepestNesting) return true
  }
  return false
}

/** `__proto__`, with or without its underscores escaped. */
const mayNamePrototype = /__proto__|\\u005f/i

/** JSON's `__proto__` is an own key, harmless until somebody copies it onto another object. */
function dropPrototypeKey(key: string, value: unknown): unknown {
  return key === '__proto__' ? undefined : value
}
