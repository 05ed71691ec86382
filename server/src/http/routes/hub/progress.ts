import { PlatformError } from '@atrium/contract/errors.ts'
import { Type } from 'typebox'

import { defineRoute, type Route } from '#http/define-route.ts'
import { sendEventStream } from '#http/event-stream.ts'
import { followProgress, type ProgressSubject } from '#hub/server-progress.ts'
import type { ServerRecord } from '#hub/server-records.ts'
import type { Users } from '#identity/users.ts'
import type { Jobs } from '#scheduler/jobs.ts'

export interface ProgressRoutesOptions {
  users: Pick<Users, 'find'>
  jobs: Pick<Jobs, 'find' | 'events' | 'waitFor'>
  findServer(user: string, server: string): Promise<ServerRecord | undefined>
}

const paths = [
  '/hub/api/users/:user/server/progress',
  '/hub/api/users/:user/servers/:server/progress',
] as const

/** The progress of a start, as server-sent events. */
export function createProgressRoutes(options: ProgressRoutesOptions): Route[] {
  return paths.map((path) => progressRoute(options, path))
}

function progressRoute(options: ProgressRoutesOptions, path: string): Route {
  return defineRoute({
    method: 'GET',
    path,
    summary: "The progress of a server's start, as server-sent events that end with `ready` or `failed`.",
    tag: 'servers',
    authentication: 'token-or-session',
    access: { anyOf: ['read:servers'], on: 'server' },
    schemas: { responses: { 200: Type.String() } },
    async handler(request, reply) {
      const { params, signal } = request
      const subject = await getSubject(options, params['user'] ?? '', params['server'] ?? '')
      const events = await followProgress(options.jobs, subject, signal)
      return sendEventStream(request, reply, wrap(events))
    },
  })
}

async function getSubject(
  { users, findServer }: ProgressRoutesOptions,
  user: string,
  server: string,
): Promise<ProgressSubject> {
  const record = await findServer(user, server)
  const exists = record !== undefined || (server === '' && (await users.find(user)) !== undefined)
  if (!exists) throw new PlatformError('not_found')
  return { user, server, jobKey: record?.jobKey ?? null }
}

async function* wrap(events: AsyncIterable<unknown>) {
  for await (const data of events) yield { data }
}
