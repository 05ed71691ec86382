import { PlatformError } from '@atrium/contract/errors.ts'
import type { HubPage } from '@atrium/contract/hub-models.ts'

import type { RouteRequest } from './define-route.ts'

/** A part of a list, as JupyterHub's clients ask for it. */
export interface HubPageRequest {
  offset: number
  limit: number
  /** The client reads lists as pages. */
  acceptsPages: boolean
}

const pageType = 'application/jupyterhub-pagination+json'
const defaultLimit = 50
const mostPerPage = 200

/**
 * Reads `offset` and `limit`, which are never refused for their size or sign, as in JupyterHub. Who does not know pages gets the longest one.
 * Throws `bad_request` for what is no number.
 */
export function parseHubPage({ raw }: Pick<RouteRequest, 'raw'>): HubPageRequest {
  const query = raw.query as Readonly<Record<string, unknown>>
  const accepted = (raw.headers.accept ?? '').toLowerCase().split(',')
  const acceptsPages = accepted.some((type) => type.trim() === pageType)
  const offset = parseSize(query['offset'], 0)
  const limit = parseSize(query['limit'], acceptsPages ? defaultLimit : mostPerPage)
  return { offset, limit: Math.min(mostPerPage, Math.max(1, limit)), acceptsPages }
}

/** A page of a list, with where the next one is. */
export function buildHubPage<Item>(
  { raw, origin }: Pick<RouteRequest, 'raw' | 'origin'>,
  { offset, limit }: HubPageRequest,
  { items, total }: { items: readonly Item[]; total: number },
): HubPage<Item> {
  const nextOffset = offset + limit
  const next =
    nextOffset < total
      ? { offset: nextOffset, limit, url: buildNextUrl(`${origin}${raw.url}`, { offset: nextOffset, limit }) }
      : null
  return { items, _pagination: { offset, limit, total, next } }
}

function buildNextUrl(url: string, { offset, limit }: { offset: number; limit: number }): string {
  const next = new URL(url)
  next.searchParams.set('offset', String(offset))
  next.searchParams.set('limit', String(limit))
  return next.href
}

function parseSize(text: unknown, otherwise: number): number {
  if (text === undefined) return otherwise
  if (typeof text === 'string' && /^\s*[+-]?\d+\s*$/.test(text))
    return Math.min(Math.abs(Number(text)), Number.MAX_SAFE_INTEGER)
  throw new PlatformError('bad_request', {
    message: 'Invalid argument type, offset and limit must be integers',
  })
}
