import type { Grants } from './grants.ts'
import type { Groups } from './groups.ts'
import type { OneTimeLinks } from './one-time-links.ts'
import type { Passwords } from './passwords.ts'
import type { Principals } from './principals.ts'
import type { Roles } from './roles.ts'
import type { Services } from './services.ts'
import type { Sessions } from './sessions.ts'
import type { Tokens } from './tokens.ts'
import type { Users } from './users.ts'

/** Who there is and what they may do: the one door to users, groups, roles, services and their credentials. */
export interface Identity {
  readonly principals: Principals
  readonly users: Users
  readonly groups: Groups
  readonly roles: Roles
  readonly services: Services
  readonly tokens: Tokens
  readonly sessions: Sessions
  readonly links: OneTimeLinks
  readonly passwords: Passwords
  /** What a token asked for may carry. */
  readonly grants: Grants
  close(): Promise<void>
}
