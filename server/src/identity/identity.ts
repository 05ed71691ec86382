import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'
import type { SealedBox } from '#platform/sealed-box.ts'
import type { Store } from '#store/store.ts'
import { type Activity, createActivity } from './activity.ts'
import { applyIdentityConfig } from './apply-config.ts'
import { createEdgeCredentials, type EdgeCredentials } from './edge-credentials.ts'
import { keepRemovingExpired, removeExpired } from './expiry.ts'
import { createGrants, type Grants } from './grants.ts'
import { createGroups, type Groups } from './groups.ts'
import type { IdentityConfig } from './identity-config.ts'
import { createOneTimeLinks, type OneTimeLinks } from './one-time-links.ts'
import { type CheckPam, createPasswords, type Passwords } from './passwords.ts'
import { createPrincipals, type Principals } from './principals.ts'
import { createRoles, type Roles } from './roles.ts'
import { createServices, type Services } from './services.ts'
import { createSessions, type Sessions } from './sessions.ts'
import { createTokens, type Tokens } from './tokens.ts'
import { createUserViews, type UserViews } from './user-views.ts'
import { createUsers, type Users } from './users.ts'

/** Who there is and what they may do: the one door to users, groups, roles, services and their credentials. */
export interface Identity {
  readonly principals: Principals
  readonly users: Users
  readonly userViews: UserViews
  readonly groups: Groups
  readonly roles: Roles
  readonly services: Services
  readonly tokens: Tokens
  readonly sessions: Sessions
  readonly links: OneTimeLinks
  readonly passwords: Passwords
  /** What a token asked for may carry. */
  readonly grants: Grants
  readonly activity: Activity
  /** Credentials as one edge has to know them. */
  createEdgeCredentials(): EdgeCredentials
  /** Brings users, groups and roles in line with the configuration; repeatable, and quick when nothing changed. See `applyIdentityConfig`. */
  applyConfig(config: IdentityConfig): Promise<void>
  /** Removes expired credentials and links now. */
  removeExpired(): Promise<void>
  /** Begins to do so every few seconds, until `close`. */
  start(): void
  /** Stores what is gathered and lets go of the store. */
  close(): Promise<void>
}

export interface IdentityOptions {
  readonly store: Store
  readonly clock: Clock
  readonly log: Logger
  /** Keeps users' sign-in state unreadable in the database. */
  readonly sealedBox: SealedBox
  /** A browser stays signed in this long after its last visit. */
  readonly sessionMs: number
  /** A one-time link is good for this long. */
  readonly linkMs: number
  readonly checkPam?: CheckPam | undefined
}

/** Opens identity on a store. */
export function createIdentity(options: IdentityOptions): Identity {
  const { store, clock, linkMs } = options
  const activity = createActivity(options)
  const grants = createGrants(options)
  const users = createUsers({ ...options, activity })
  const userViews = createUserViews({ store, clock, users, activity })
  const principals = createPrincipals({ store, clock, activity })
  const stop = new AbortController()
  let removing: Promise<void> | undefined
  return {
    principals,
    users,
    userViews,
    grants,
    activity,
    groups: createGroups(options),
    roles: createRoles(options),
    services: createServices(options),
    tokens: createTokens({ store, clock, grants, activity }),
    sessions: createSessions(options),
    links: createOneTimeLinks({ store, clock, users, lifetimeMs: linkMs }),
    passwords: createPasswords({ ...options, users }),
    createEdgeCredentials: () => createEdgeCredentials({ store, clock }),
    applyConfig: (config) => applyIdentityConfig({ store, clock }, config),
    removeExpired: () => removeExpired(store, clock.now()),
    start() {
      removing ??= keepRemovingExpired(options, stop.signal)
    },
    async close() {
      stop.abort()
      await removing
      principals.close()
      userViews.close()
      await activity.close()
    },
  }
}
