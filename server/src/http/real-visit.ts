import { PlatformError } from '@atrium/contract/errors.ts'
import type { FastifyRequest } from 'fastify'

/**
 * Throws for requests that nobody's visit stands behind: browsers load pages ahead of a click (`Sec-Purpose: prefetch`, Chromium's address bar
 * does by itself) and throw an error answer away, and HEAD only looks. For pages whose visit changes something, as some of JupyterHub's do.
 */
export function assertRealVisit({ method, headers }: FastifyRequest): void {
  const purpose = headers['sec-purpose'] ?? headers['purpose'] ?? ''
  if (method === 'HEAD' || String(purpose).includes('prefetch')) {
    throw new PlatformError('conflict', { message: 'This page is not loaded ahead of a visit.' })
  }
}
