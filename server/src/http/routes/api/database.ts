import { stat } from 'node:fs/promises'
import { isAbsolute } from 'node:path'

import { PlatformError } from '@atrium/contract/errors.ts'
import { Type } from 'typebox'

import { defineRoute, type Route } from '#http/define-route.ts'
import { recordAudit } from '#observe/audit.ts'
import type { Clock } from '#platform/clock.ts'
import type { Store } from '#store/store.ts'

export interface DatabaseRoutesOptions {
  store: Store
  clock: Clock
  /** The service that the command line of the platform's own machine is. */
  localAdministrator: string
}

/** The platform's own database. */
export function createDatabaseRoutes({ store, clock, localAdministrator }: DatabaseRoutesOptions): Route[] {
  return [
    defineRoute({
      method: 'POST',
      path: '/api/v1/database/backup',
      summary:
        "Writes a consistent copy of the database to a new file on the platform's machine. For its own command line alone.",
      tag: 'platform',
      authentication: 'token-or-session',
      // Whoever may stop the platform may also read all of its state.
      access: { anyOf: ['shutdown'], on: 'platform' },
      schemas: {
        body: Type.Object({ file: Type.String({ description: 'Absolute path; nothing may be there yet.' }) }),
        responses: { 201: Type.Object({ file: Type.String(), bytes: Type.Integer() }) },
      },
      async handler(request, reply) {
        const { principal, body } = request
        const { file } = body
        // The platform may be root there: no administrator's browser or token chooses where it writes.
        if (principal.kind !== 'service' || principal.name !== localAdministrator) {
          throw new PlatformError('forbidden', {
            message: "A backup is asked for on the platform's own machine: `atrium db backup`.",
          })
        }
        if (!isAbsolute(file))
          throw new PlatformError('bad_request', { message: 'The path must be absolute.' })
        await store.backup(file)
        const bytes = (await stat(file)).size
        await store.transaction((tx) =>
          recordAudit(tx, clock, { actor: request.actor(), action: 'database.backup', target: file }),
        )
        return reply.code(201).send({ file, bytes })
      },
    }),
  ]
}
