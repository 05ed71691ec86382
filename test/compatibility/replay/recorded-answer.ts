import type { IncomingHttpHeaders } from 'node:http'

import { parseSetCookie } from './cookie-jar.ts'
import type { Answer } from './http-exchange.ts'

/** What of an answer is kept and compared. */
export interface RecordedAnswer {
  status: number
  headers: Readonly<Record<string, string>>
  /** By name: path and flags, never values. */
  cookies: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /** JSON as it is, `{before, last}` of a progress stream's events, `<page>`, `<image>`, `<text>` for metrics, else the text. */
  body: unknown
}

/** Headers clients act upon. Date, length, server names and security policies are each hub's own. */
const comparedHeaders = [
  'content-type',
  'location',
  'allow',
  'cache-control',
  'retry-after',
  'www-authenticate',
  'access-control-allow-origin',
  'x-jupyterhub-version',
] as const

/** Reads an answer down to what counts; nothing is normalised yet. */
export function parseAnswer(answer: Answer): RecordedAnswer {
  const headers: Record<string, string> = {}
  for (const name of comparedHeaders) {
    const value = answer.headers[name]
    if (typeof value === 'string') headers[name] = name === 'content-type' ? mediaType(value) : value
  }
  return { status: answer.status, headers, cookies: parseCookies(answer.headers), body: parseBody(answer) }
}

function parseCookies(headers: IncomingHttpHeaders): RecordedAnswer['cookies'] {
  return Object.fromEntries(
    (headers['set-cookie'] ?? []).map(parseSetCookie).map((cookie) => {
      const { name, value: _, ...rest } = cookie
      return [rest.path === undefined ? name : `${name} ${rest.path}`, dropUndefined(rest)] as const
    }),
  )
}

function parseBody(answer: Answer): unknown {
  const type = mediaType(answer.headers['content-type'] ?? '')
  if (type === 'text/event-stream') return splitEvents(parseEvents(answer.body))
  if (answer.body.trim() === '') return answer.body.trim()
  if (type === 'application/json') return parseJsonOrText(answer.body)
  if (type === 'text/html') return '<page>'
  if (type.startsWith('image/')) return '<image>'
  return type === 'text/plain' && answer.body.startsWith('# HELP') ? '<text>' : answer.body
}

/** The way there may differ from hub to hub; how it ends may not. */
function splitEvents(events: readonly unknown[]): unknown {
  return { before: events.slice(0, -1), last: events.at(-1) }
}

/** The `data:` lines of a server-sent stream; what else keeps it alive is not compared. */
function parseEvents(stream: string): unknown[] {
  return stream
    .split('\n')
    .filter((line) => line.startsWith('data:'))
    .map((line) => parseJsonOrText(line.slice('data:'.length)))
}

function parseJsonOrText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function mediaType(value: string): string {
  return (value.split(';', 1)[0] ?? '').trim().toLowerCase()
}

function dropUndefined(record: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined))
}
