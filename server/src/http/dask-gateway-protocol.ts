import type { PlatformError } from '@atrium/contract/errors.ts'
import type { FastifyRequest } from 'fastify'

/** `jupyterhub` is the client's `JupyterHubAuth`; schedulers send `token`. */
const tokenPattern = /^(?:jupyterhub|token|bearer)\s+(\S+)$/i
const basicPattern = /^basic\s+([A-Za-z0-9+/=]+)$/i

/**
 * The secret that a client of the protocol sends. Its `BasicAuth` has a name, which is not looked at, and a token as password: for laptops,
 * whose users have heard of passwords. We never ask for Basic, so no browser keeps one and sends it by itself.
 */
export function findGatewaySecret(request: Pick<FastifyRequest, 'headers'>): string | undefined {
  const header = request.headers.authorization ?? ''
  const basic = basicPattern.exec(header)?.[1]
  if (basic === undefined) return tokenPattern.exec(header)?.[1]
  const text = Buffer.from(basic, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : text.slice(colon + 1)
}

/** An error as the client reads it. */
export interface GatewayError {
  status: number
  headers: Readonly<Record<string, string>>
  body: { error: string }
}

/**
 * The client shows the words of 404 and 422 (`ValueError`), 409 (`GatewayClusterError`) and 500 (`GatewayServerError`), of others the status
 * alone; it sends no credentials before it has seen a 401.
 */
export function buildGatewayError(error: PlatformError): GatewayError {
  const { code, message } = error
  const body = { error: message }
  if (code === 'unauthenticated') {
    return {
      status: 401,
      headers: { 'www-authenticate': 'jupyterhub' },
      body: { error: 'Authentication required' },
    }
  }
  return { status: code === 'bad_request' ? 422 : error.status, headers: {}, body }
}

/** True for paths of the protocol's API, whether there is such a route or not. */
export function isGatewayPath(path: string): boolean {
  return /^\/gateway\/api(\/|$|\?)/.test(path)
}
