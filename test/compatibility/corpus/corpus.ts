import { activity } from './activity.ts'
import { cookies } from './cookies.ts'
import { groups } from './groups.ts'
import { hostileNames } from './hostile-names.ts'
import { info } from './info.ts'
import { namedServers } from './named-servers.ts'
import { oauth } from './oauth.ts'
import { oauthServers } from './oauth-servers.ts'
import { pages } from './pages.ts'
import { scopes } from './scopes.ts'
import { servers } from './servers.ts'
import { services } from './services.ts'
import { shareCodes } from './share-codes.ts'
import { shares } from './shares.ts'
import { signingInAndOut } from './signing-in.ts'
import { startPages } from './start-pages.ts'
import type { Chapter } from './step.ts'
import { tokens } from './tokens.ts'
import { userChanges } from './user-changes.ts'
import { users } from './users.ts'

/** Everything that is asked. */
export const corpus: readonly Chapter[] = [
  info,
  users,
  userChanges,
  hostileNames,
  groups,
  tokens,
  scopes,
  servers,
  namedServers,
  activity,
  services,
  shares,
  shareCodes,
  oauth,
  oauthServers,
  cookies,
  pages,
  signingInAndOut,
  startPages,
]
