import querystring from 'node:querystring'

/** A host nobody has: what resolves to it stayed on our origin. */
const anyOrigin = 'http://origin.invalid'

/** The longest `next` worth keeping; longer ones do not fit in a header. */
const maximumLength = 8_000

/**
 * Where to go after signing in, from a value that anyone may have put into a link: a path on our own origin with its query and fragment,
 * or undefined when it is anything else. `publicOrigin` (`https://hub.example`) lets an absolute URL of our own pass as its path.
 * Refused: other origins, `//host`, backslashes, control characters and spaces, also where they are percent-encoded in the path's start.
 */
export function parseNextUrl(
  next: unknown,
  { publicOrigin }: { publicOrigin?: string } = {},
): string | undefined {
  if (typeof next !== 'string' || next.length > maximumLength || hasUnsafeCharacter(next)) return undefined
  const path =
    publicOrigin !== undefined && next.startsWith(`${publicOrigin}/`) ? next.slice(publicOrigin.length) : next
  if (!path.startsWith('/') || !URL.canParse(path, anyOrigin)) return undefined
  const url = new URL(path, anyOrigin)
  if (url.origin !== anyOrigin || !isSafePath(url.pathname)) return undefined
  return `${url.pathname}${url.search}${url.hash}`
}

/** Control characters and spaces, which browsers drop, and backslashes, which they read as slashes. */
function hasUnsafeCharacter(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return /[\u0000-\u0020\u007f\\]/.test(text)
}

/** Still a path of one origin after whoever handles it next has decoded it, once or more often. */
function isSafePath(pathname: string): boolean {
  let path = pathname
  for (let round = 0; round < 4; round += 1) {
    // A decoded space is harmless inside a path: file names have them.
    if (path.startsWith('//') || hasUnsafeCharacter(path.replaceAll(' ', ''))) return false
    // Unlike decodeURIComponent, it decodes what it can of a malformed path.
    path = querystring.unescape(path)
  }
  return true
}
