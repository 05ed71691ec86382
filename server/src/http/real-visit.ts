import { PlatformError } from '@atrium/contract/errors.ts'
import type { FastifyRequest } from 'fastify'

/**
 * Throws for requests that nobody's visit stands behind: browsers load pages ahead of a click (`Sec-Purpose: prefetch`, Chromium's address bar
 * does by itself) and throw an error answer away, HEAD only looks, and scripts and frames, which those of users' servers can be, visit nothing.
 * For pages whose visit changes something, as some of JupyterHub's do.
 */
export function assertRealVisit({ method, headers }: FastifyRequest): void {
  const purpose = headers['sec-purpose'] ?? headers['purpose'] ?? ''
  const { 'sec-fetch-mode': mode = 'navigate', 'sec-fetch-dest': target = 'document' } = headers
  const isLoaded = mode === 'navigate' && target === 'document'
  if (method === 'HEAD' || !isLoaded || String(purpose).includes('prefetch')) {
    throw new PlatformError('conflict', { message: 'This page is only for who visits it.' })
  }
}
