import type { StaticFile } from './portal-build.ts'

/** How a static file is answered: headers, and the file whose bytes follow, or none for 304. */
export interface StaticReply {
  status: 200 | 304
  headers: Record<string, string | number>
  bodyPath: string | undefined
}

const oneYearSeconds = 31_536_000
const oneHourSeconds = 3_600

/** Chooses the compressed form the client takes, and answers 304 to a client that has the file already (RFC 9110 section 13.1.2). */
export function buildStaticReply(
  file: StaticFile,
  request: { acceptEncoding?: string | undefined; ifNoneMatch?: string | undefined },
): StaticReply {
  const encoding = chooseEncoding(file, request.acceptEncoding)
  const etag = `"${file.etag}${encoding === undefined ? '' : `-${encoding}`}"`
  const headers: StaticReply['headers'] = {
    etag,
    vary: 'accept-encoding',
    'cache-control': file.immutable
      ? `public, max-age=${oneYearSeconds}, immutable`
      : `public, max-age=${oneHourSeconds}`,
    'x-content-type-options': 'nosniff',
  }
  if (hasEtag(request.ifNoneMatch, etag)) return { status: 304, headers, bodyPath: undefined }
  const body = encoding === undefined ? file : (file.compressed[encoding] ?? file)
  headers['content-type'] = file.contentType
  headers['content-length'] = body.bytes
  if (encoding !== undefined) headers['content-encoding'] = encoding
  return { status: 200, headers, bodyPath: body.path }
}

function chooseEncoding(file: StaticFile, accepted: string | undefined): 'br' | 'gzip' | undefined {
  const refused = /;\s*q=0(\.0*)?$/
  const names = (accepted ?? '')
    .toLowerCase()
    .split(',')
    .map((part) => part.trim())
    .filter((part) => !refused.test(part))
    .map((part) => part.split(';')[0])
  return (['br', 'gzip'] as const).find((encoding) => file.compressed[encoding] && names.includes(encoding))
}

function hasEtag(ifNoneMatch: string | undefined, etag: string): boolean {
  const tags = (ifNoneMatch ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return tags.includes(etag) || tags.includes('*')
}
