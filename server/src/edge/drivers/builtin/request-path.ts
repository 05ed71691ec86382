/**
 * How the path of a request is read. The edge decides on decoded segments but forwards the raw path, so a path that another program
 * could read differently (encoded slashes, dot segments, backslashes, empty segments, double encoding) is listed in every plausible
 * reading; the caller refuses the request unless all of them lead to the same place.
 */
export interface RequestPath {
  /** Decoded segments joined by `/`; a slash that was escaped inside a segment stands as NUL, which no route's prefix holds. */
  canonical: string
  /** Further readings, when the path is not plain. Empty for almost every request. */
  otherReadings: readonly string[]
}

/** Non-empty segments of unescaped characters, none starting with a dot, and maybe a slash at the end: only one reading. */
const plainPath = /^(?:\/[\w~!$&'()*+,;=:@-][\w.~!$&'()*+,;=:@-]*)*\/?$/
/** Visible ASCII without the backslash and `#`: bytes beyond are not a URL, and programs disagree about what they mean. */
const allowedCharacters = /^[!"$-[\]-~]+$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is control characters that are refused
const controlCharacters = /[\u0000-\u001f\u007f]/
const noReadings: readonly string[] = []

/** Reads a request target in origin form (`/path?query`). Undefined when it is not one, or cannot mean anything good. */
export function parseRequestPath(target: string): RequestPath | undefined {
  const queryStart = target.indexOf('?')
  const raw = queryStart === -1 ? target : target.slice(0, queryStart)
  if (plainPath.test(raw)) return raw === '' ? undefined : { canonical: raw, otherReadings: noReadings }
  if (raw[0] !== '/' || !allowedCharacters.test(raw)) return undefined
  return readEscapedPath(raw)
}

function readEscapedPath(raw: string): RequestPath | undefined {
  const decoded = decode(raw)
  if (decoded === undefined || controlCharacters.test(decoded)) return undefined
  const folded = foldSegments(decoded)
  if (folded.some(isDotSegment)) return undefined
  const segments = raw.split('/').map((segment) => decodeURIComponent(segment).replaceAll('/', '\0'))
  const twice = decode(decoded) ?? decoded
  return {
    canonical: segments.join('/'),
    otherReadings: [
      toPath(folded),
      toPath(resolveDotSegments(foldSegments(twice))),
      // RFC 3986: two dots take away an empty segment like any other.
      toPath(resolveDotSegments(splitSegments(twice)).filter(isNotEmpty)),
    ],
  }
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

function isDotSegment(segment: string): boolean {
  return segment === '.' || segment === '..'
}

/** Segments as a lenient program sees them: backslashes are slashes, repeated slashes are one. */
function foldSegments(path: string): string[] {
  return splitSegments(path).filter(isNotEmpty)
}

function splitSegments(path: string): string[] {
  return path.split(/[/\\]/)
}

function isNotEmpty(segment: string): boolean {
  return segment !== ''
}

function resolveDotSegments(segments: readonly string[]): string[] {
  const resolved: string[] = []
  for (const segment of segments) {
    if (segment === '..') resolved.pop()
    else if (segment !== '.') resolved.push(segment)
  }
  return resolved
}

function toPath(segments: readonly string[]): string {
  return `/${segments.join('/')}`
}
