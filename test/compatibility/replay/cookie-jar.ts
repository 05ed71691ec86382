/** A cookie as an answer set it. Its value never leaves the jar. */
export interface ReceivedCookie {
  name: string
  value: string
  /** As the answer said it; browsers would derive one where it is missing. */
  path: string | undefined
  isHttpOnly: boolean
  isSecure: boolean
  sameSite: string | undefined
  /** `cleared` when it is already over, else how its life was given. */
  life: 'session' | 'lasting' | 'cleared'
}

/** The cookies of one browser. */
export interface CookieJar {
  store(setCookies: readonly string[]): void
  /** The Cookie header for a path; undefined when there is none to send. */
  buildHeader(path: string): string | undefined
  /** Value of a cookie by name, on any path. */
  find(name: string): string | undefined
}

export function createCookieJar(): CookieJar {
  const kept = new Map<string, ReceivedCookie>()
  return {
    store(setCookies) {
      for (const text of setCookies) {
        const cookie = parseSetCookie(text)
        const key = `${cookie.name} ${cookie.path ?? '/'}`
        if (cookie.life === 'cleared') kept.delete(key)
        else kept.set(key, cookie)
      }
    },
    buildHeader(path) {
      const fitting = [...kept.values()].filter((cookie) => isUnder(path, cookie.path ?? '/'))
      return fitting.length === 0
        ? undefined
        : fitting.map((cookie) => `${cookie.name}=${cookie.value}`).join('; ')
    },
    find(name) {
      return [...kept.values()].find((cookie) => cookie.name === name)?.value
    },
  }
}

/** Reads one Set-Cookie header. */
export function parseSetCookie(text: string): ReceivedCookie {
  const [pair = '', ...attributes] = text.split(';').map((part) => part.trim())
  const separator = pair.indexOf('=')
  const fields = new Map(
    attributes.map((attribute) => {
      const [key = '', value = ''] = attribute.split('=', 2)
      return [key.toLowerCase(), value] as const
    }),
  )
  return {
    name: pair.slice(0, separator),
    value: pair.slice(separator + 1),
    path: fields.get('path'),
    isHttpOnly: fields.has('httponly'),
    isSecure: fields.has('secure'),
    sameSite: fields.get('samesite'),
    life: findLife(fields),
  }
}

function findLife(fields: ReadonlyMap<string, string>): ReceivedCookie['life'] {
  const [expires, maxAge] = [fields.get('expires'), fields.get('max-age')]
  if (maxAge !== undefined) return Number(maxAge) > 0 ? 'lasting' : 'cleared'
  if (expires !== undefined) return Date.parse(expires) > Date.now() ? 'lasting' : 'cleared'
  return 'session'
}

function isUnder(path: string, folder: string): boolean {
  const place = path.split('?', 1)[0] ?? ''
  return place === folder || place.startsWith(folder.endsWith('/') ? folder : `${folder}/`)
}
