import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import type { Actor, Chapter, Step } from '../corpus/step.ts'
import { site } from '../reference/site.ts'
import { type CookieJar, createCookieJar } from './cookie-jar.ts'
import { type Answer, exchange } from './http-exchange.ts'
import { normaliseAnswer } from './normalise.ts'
import { parseAnswer, type RecordedAnswer } from './recorded-answer.ts'
import type { RunningHub } from './running-hub.ts'

/** Asks the steps of one chapter of one freshly started hub. */
export interface Player {
  /** Makes the tokens and signs in the browsers the chapter needs, by the same doors everybody has. Throws when that fails. */
  prepare(chapter: Chapter): Promise<void>
  /** Asks one step and answers what is compared. Throws when there is no answer at all. */
  play(step: Step): Promise<RecordedAnswer>
}

const repeatMs = 50
const repeatForMs = 30_000

export function createPlayer(hub: RunningHub): Player {
  const captured = new Map<string, string>()
  const userTokens = new Map<string, string>()
  const jars = new Map<string, CookieJar>()

  const fill = (text: string) => text.replace(/\{\{([\w-]+)\}\}/g, (_, name: string) => getCaptured(name))
  const jarOf = (actor: string) => {
    const jar = jars.get(actor) ?? createCookieJar()
    jars.set(actor, jar)
    return jar
  }

  function getCaptured(name: string): string {
    const value = captured.get(name)
    if (value === undefined) throw new Error(`no earlier step captured "${name}"`)
    return value
  }

  function findToken(actor: Actor): string | undefined {
    if (actor === 'bad token') return '0123456789abcdef0123456789abcdef'
    if (actor.startsWith('token:')) return getCaptured(actor.slice('token:'.length))
    if (actor.startsWith('service:')) return findServiceToken(actor.slice('service:'.length))
    return userTokens.get(actor)
  }

  async function ask(step: Step): Promise<Answer> {
    const actor = step.as ?? 'anonymous'
    const jar = isBrowser(actor) ? jarOf(actor) : undefined
    const question = buildQuestion(step, {
      token: jar === undefined ? findToken(actor) : undefined,
      jar,
      fill,
    })
    const { opens } = step
    if (opens?.when === 'before') openGate(hub, opens.gate)
    const answer = await exchange(hub.baseUrl, {
      ...question,
      ...(opens?.when === 'during' ? { onAnswerBegun: () => openGate(hub, opens.gate) } : {}),
    })
    jar?.store(answer.headers['set-cookie'] ?? [])
    return answer
  }

  async function askUntil(step: Step): Promise<RecordedAnswer> {
    const deadline = Date.now() + repeatForMs
    for (;;) {
      const answer = parseAnswer(await ask(step))
      const { until } = step
      if (until === undefined || findValue(answer, until.field) === until.equals) return answer
      if (Date.now() > deadline) return answer
      await delay(repeatMs)
    }
  }

  return {
    async prepare(chapter) {
      for (const actor of new Set(chapter.steps.map((step) => step.as ?? 'anonymous'))) {
        if (actor in site.users) userTokens.set(actor, await createUserToken(hub, actor))
        if (actor.startsWith('browser:')) await signIn(hub, actor.slice('browser:'.length), jarOf(actor))
      }
    },
    async play(step) {
      const answer = await askUntil(step)
      for (const [name, field] of Object.entries(step.capture ?? {})) {
        const value = findCaptured(answer, field)
        if (value !== undefined) captured.set(name, value)
      }
      return normaliseAnswer(answer, step, { origin: hub.baseUrl, captured })
    },
  }
}

/** Tokens of users are made as an administrator makes them: by the one service whose token stands in the configuration. */
async function createUserToken(hub: RunningHub, user: string): Promise<string> {
  const answer = await exchange(hub.baseUrl, {
    method: 'POST',
    path: `/hub/api/users/${user}/tokens`,
    headers: {
      authorization: `token ${findServiceToken('operator') ?? ''}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ note: 'the corpus' }),
  })
  if (answer.status !== 201) throw new Error(`no token for ${user}: ${answer.status} ${answer.body}`)
  return (JSON.parse(answer.body) as { token: string }).token
}

async function signIn(hub: RunningHub, user: string, jar: CookieJar): Promise<void> {
  const page = await exchange(hub.baseUrl, {
    method: 'GET',
    path: '/hub/login',
    headers: {},
    body: undefined,
  })
  jar.store(page.headers['set-cookie'] ?? [])
  const form = { username: user, password: site.users[user] ?? '', _xsrf: jar.find('_xsrf') ?? '' }
  const answer = await exchange(hub.baseUrl, {
    method: 'POST',
    path: '/hub/login',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      cookie: jar.buildHeader('/hub/login') ?? '',
    },
    body: new URLSearchParams(form).toString(),
  })
  if (answer.status !== 302) throw new Error(`${user} could not sign in: ${answer.status}`)
  jar.store(answer.headers['set-cookie'] ?? [])
}

interface Credentials {
  token: string | undefined
  jar: CookieJar | undefined
  fill(text: string): string
}

function buildQuestion(step: Step, { token, jar, fill }: Credentials) {
  const [method = '', target = ''] = splitOnce(fill(step.request))
  const xsrf = jar?.find('_xsrf') ?? ''
  const path = step.xsrf === 'query' ? `${target}${target.includes('?') ? '&' : '?'}_xsrf=${xsrf}` : target
  const cookie = jar?.buildHeader(target)
  const headers: Record<string, string> = {
    ...(token === undefined ? {} : { authorization: `token ${token}` }),
    ...(cookie === undefined ? {} : { cookie }),
    ...(step.xsrf === 'header' ? { 'x-xsrftoken': xsrf } : {}),
    ...(step.json === undefined ? {} : { 'content-type': 'application/json' }),
    ...(step.form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
  }
  for (const [name, value] of Object.entries(step.headers ?? {})) headers[name] = fill(value)
  return { method, path, headers, body: buildBody(step, xsrf, fill) }
}

function buildBody(step: Step, xsrf: string, fill: (text: string) => string): string | undefined {
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

/** `location?code`: a parameter of the redirect's target; else a path into the answer. */
function findCaptured(answer: RecordedAnswer, field: string): string | undefined {
  if (!field.startsWith('location?')) {
    const value = findValue(answer, field)
    return typeof value === 'string' ? value : undefined
  }
  const target = new URL(answer.headers['location'] ?? '/', 'http://hub')
  return target.searchParams.get(field.slice('location?'.length)) ?? undefined
}

function findValue(answer: RecordedAnswer, field: string): unknown {
  return field
    .split('/')
    .reduce<unknown>(
      (value, key) =>
        typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined,
      answer,
    )
}

function openGate(hub: RunningHub, gate: string): void {
  writeFileSync(join(hub.gates, gate), '')
}

function findServiceToken(name: string): string | undefined {
  return site.services.find((service) => service.name === name)?.apiToken
}

function isBrowser(actor: Actor): boolean {
  return actor.startsWith('browser:') || actor.startsWith('visitor:')
}

function splitOnce(request: string): readonly string[] {
  const space = request.indexOf(' ')
  return [request.slice(0, space), request.slice(space + 1)]
}
