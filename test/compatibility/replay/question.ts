import type { Step } from '../corpus/step.ts'
import type { CookieJar } from './cookie-jar.ts'
import type { Question } from './http-exchange.ts'

/** What a browser sends when somebody follows a link. */
const browserAccept = 'text/html,application/xhtml+xml,*/*;q=0.8'

export interface Asking {
  token: string | undefined
  jar: CookieJar | undefined
  /** Puts captured values in. */
  fill(text: string): string
}

/** What goes over the wire for a step. */
export function buildQuestion(step: Step, { token, jar, fill }: Asking): Question {
  const [method, target] = splitRequest(fill(step.request))
  const xsrf = jar?.find('_xsrf') ?? ''
  const path = step.xsrf === 'query' ? `${target}${target.includes('?') ? '&' : '?'}_xsrf=${xsrf}` : target
  const cookie = jar?.buildHeader(target)
  const headers: Record<string, string> = {
    ...(token === undefined ? {} : { authorization: `token ${token}` }),
    ...(jar === undefined ? {} : { accept: browserAccept }),
    ...(cookie === undefined ? {} : { cookie }),
    ...(step.xsrf === 'header' ? { 'x-xsrftoken': xsrf } : {}),
    ...(step.json === undefined ? {} : { 'content-type': 'application/json' }),
    ...(step.form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
  }
  for (const [name, value] of Object.entries(step.headers ?? {})) headers[name] = fill(value)
  return { method, path, headers, body: buildBody(step, xsrf, fill) }
}

function buildBody(step: Step, xsrf: string, fill: Asking['fill']): string | undefined {
  if (step.json !== undefined) return fill(JSON.stringify(step.json))
  if (step.body !== undefined) return fill(step.body)
  if (step.form === undefined) return undefined
  const fields = new URLSearchParams()
  for (const [name, value] of Object.entries(step.form)) {
    for (const one of typeof value === 'string' ? [value] : value) fields.append(name, fill(one))
  }
  if (step.xsrf === 'form') fields.append('_xsrf', xsrf)
  return fields.toString()
}

function splitRequest(request: string): readonly [method: string, target: string] {
  const space = request.indexOf(' ')
  return [request.slice(0, space), request.slice(space + 1)]
}
