import type { FastifyRequest, onResponseHookHandler } from 'fastify'
import type { Logger } from 'pino'

import { actorOf } from '#identity/principal.ts'

/** One line a request: `info` for what changes something or fails, `debug` for the rest. Queries are left out, they can hold codes and secrets. */
export function createAccessLog(log: Logger): onResponseHookHandler {
  return (request, reply, done) => {
    const isQuiet = reply.statusCode < 400 && (request.method === 'GET' || request.method === 'HEAD')
    if (isQuiet && !log.isLevelEnabled('debug')) {
      done()
      return
    }
    log[isQuiet ? 'debug' : 'info'](
      {
        request_id: request.id,
        method: request.method,
        path: pathOf(request),
        status: reply.statusCode,
        duration_ms: Math.round(reply.elapsedTime),
        remote: request.ip,
        ...(request.principal === undefined ? {} : { actor: actorOf(request.principal) }),
      },
      'request',
    )
    done()
  }
}

/** The path without its query. Where a secret is a part of the path, the route's pattern. */
function pathOf({ url, routeOptions }: FastifyRequest): string | undefined {
  const [path] = url.split('?', 1)
  return path?.includes('/authorizations/') ? routeOptions.url : path
}
