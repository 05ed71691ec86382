import type { Actor, Chapter } from '../corpus/step.ts'
import { site } from '../reference/site.ts'
import type { Captured } from './captured.ts'
import { type CookieJar, createCookieJar } from './cookie-jar.ts'
import { exchange } from './http-exchange.ts'

/** Those who ask, with what they prove it by. */
export interface Actors {
  /** Makes the tokens and signs in the browsers a chapter needs, by the same doors everybody has. Throws when that fails. */
  prepare(chapter: Chapter): Promise<void>
  findToken(actor: Actor): string | undefined
  /** Undefined for who is no browser. */
  findJar(actor: Actor): CookieJar | undefined
}

export function createActors(baseUrl: string, captured: Captured): Actors {
  const userTokens = new Map<string, string>()
  const jars = new Map<string, CookieJar>()
  const self: Actors = {
    async prepare(chapter) {
      for (const actor of new Set(chapter.steps.map((step) => step.as ?? 'anonymous'))) {
        if (actor in site.users) userTokens.set(actor, await createUserToken(baseUrl, actor))
        const jar = self.findJar(actor)
        if (jar !== undefined && actor.startsWith('browser:'))
          await signIn(baseUrl, actor.slice('browser:'.length), jar)
      }
    },
    findToken(actor) {
      if (actor === 'bad token') return '0123456789abcdef0123456789abcdef'
      if (actor.startsWith('token:')) return captured.get(actor.slice('token:'.length))
      if (actor.startsWith('service:')) return getServiceToken(actor.slice('service:'.length))
      return userTokens.get(actor)
    },
    findJar(actor) {
      if (!actor.startsWith('browser:') && !actor.startsWith('visitor:')) return undefined
      const jar = jars.get(actor) ?? createCookieJar()
      jars.set(actor, jar)
      return jar
    },
  }
  return self
}

/** Tokens of users are made as an administrator makes them: by the one service whose token stands in the configuration. */
async function createUserToken(baseUrl: string, user: string): Promise<string> {
  const answer = await exchange(baseUrl, {
    method: 'POST',
    path: `/hub/api/users/${user}/tokens`,
    headers: { authorization: `token ${getServiceToken('operator')}`, 'content-type': 'application/json' },
    body: JSON.stringify({ note: 'the corpus' }),
  })
  if (answer.status !== 201) throw new Error(`no token for ${user}: ${answer.status} ${answer.body}`)
  return (JSON.parse(answer.body) as { token: string }).token
}

async function signIn(baseUrl: string, user: string, jar: CookieJar): Promise<void> {
  const page = await exchange(baseUrl, { method: 'GET', path: '/hub/login', headers: {}, body: undefined })
  jar.store(page.headers['set-cookie'] ?? [])
  const form = { username: user, password: site.users[user] ?? '', _xsrf: jar.find('_xsrf') ?? '' }
  const answer = await exchange(baseUrl, {
    method: 'POST',
    path: '/hub/login',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      cookie: jar.buildHeader('/hub/login') ?? '',
    },
    body: new URLSearchParams(form).toString(),
  })
  if (answer.status !== 302) throw new Error(`${user} could not sign in: ${answer.status} ${answer.body}`)
  jar.store(answer.headers['set-cookie'] ?? [])
}

function getServiceToken(name: string): string {
  const service = site.services.find((candidate) => candidate.name === name)
  if (service === undefined) throw new Error(`the site has no service ${name}`)
  return service.apiToken
}
