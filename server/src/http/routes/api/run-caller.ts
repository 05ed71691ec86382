import { PlatformError } from '@atrium/contract/errors.ts'

import { type Principal, requireScope } from '#identity/principal.ts'
import type { User, Users } from '#identity/users.ts'
import type { JobEnvironment } from '#scheduler/job-environment.ts'

/** The user who asks. Throws for services, which have no home and no login, and for tokens that may not run programs. */
export async function getCaller(users: Pick<Users, 'get'>, principal: Principal): Promise<User> {
  if (principal.kind !== 'user') {
    throw new PlatformError('forbidden', {
      message: 'Programs are run as the user who asks: a service is none.',
    })
  }
  requireScope(principal, ['jobs'], { user: principal.name })
  return users.get(principal.name)
}

/** The Python of the server whose token asks; undefined for all others. */
export async function findAskingEnvironment(
  { findServerEnvironment }: { findServerEnvironment(serverId: number): Promise<JobEnvironment | undefined> },
  { credential }: Principal,
): Promise<JobEnvironment | undefined> {
  const serverId = credential.kind === 'token' ? credential.serverId : null
  return serverId === null ? undefined : findServerEnvironment(serverId)
}
