import type { onResponseHookHandler } from 'fastify'
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
    const [path] = request.url.split('?', 1)
    log[isQuiet ? 'debug' : 'info'](
      {
        request_id: request.id,
        method: request.method,
        path,
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
