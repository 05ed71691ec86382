import type { ServerModels } from '#hub/server-models.ts'
import type { Identity } from '#identity/identity.ts'
import type { User } from '#identity/users.ts'
import type { Route } from './define-route.ts'
import { createAuthorizationRoutes } from './routes/hub/authorizations.ts'
import { createCurrentUserRoutes } from './routes/hub/current-user.ts'
import { createGroupRoutes } from './routes/hub/groups.ts'
import { createInfoRoutes, type InfoRoutesOptions } from './routes/hub/info.ts'
import { createServiceRoutes } from './routes/hub/services.ts'
import { createTokenRoutes } from './routes/hub/tokens.ts'
import { createUserRoutes } from './routes/hub/users.ts'

export interface IdentityRoutesOptions {
  readonly identity: Identity
  readonly models: Pick<ServerModels, 'ofUsers' | 'usersWith'>
  /** Stops the user's servers and waits for their end. Throws what is in the way. */
  stopServers(user: User): Promise<void>
  readonly info: InfoRoutesOptions
}

/** The REST API of who there is: info, current user, users, groups, tokens, services. */
export function createIdentityRoutes(options: IdentityRoutesOptions): readonly Route[] {
  const { identity, info } = options
  return [
    ...createInfoRoutes(info),
    ...createCurrentUserRoutes(options),
    ...createUserRoutes(options),
    ...createTokenRoutes(options),
    ...createAuthorizationRoutes(options),
    ...createGroupRoutes(identity),
    ...createServiceRoutes(options),
  ]
}
