import type { RouteRecord } from './edge-table.ts'
import { platformHeaders } from './header-kinds.ts'
import type { ResponseHead } from './response-parser.ts'
import { isSessionSetCookie } from './session-cookie.ts'

const notTheirs: ReadonlySet<string> = new Set(platformHeaders)

/**
 * The headers (name, value, name, value) of a response as clients get them. From behind a route they have an effect on its own paths alone:
 * no session is planted, a service worker reaches no further than the route, and no window of the platform is reached into. The control plane (no route) may say everything.
 */
export function confineHeaders(head: ResponseHead, route: RouteRecord | undefined): string[] {
  if (route === undefined || !head.isFarReaching) return head.headers
  const confined: string[] = []
  for (let index = 0; index < head.headers.length; index += 2) {
    const [name, value] = head.headers.slice(index, index + 2) as [string, string]
    const key = name.toLowerCase()
    if (notTheirs.has(key) || (key === 'set-cookie' && isSessionSetCookie(value))) continue
    confined.push(name, confineValue(key, value, route.route.prefix))
  }
  return confined
}

function confineValue(key: string, value: string, prefix: string): string {
  if (key === 'service-worker-allowed') return encodePath(prefix)
  // Two windows of one origin that both ask for `same-origin` can reach into each other. The platform's pages ask for it.
  if (key === 'cross-origin-opener-policy' && /^\s*same-origin(?!-)/i.test(value))
    return 'same-origin-allow-popups'
  return value
}

function encodePath(path: string): string {
  return encodeURI(path).replaceAll('?', '%3F').replaceAll('#', '%23')
}
