import { differencesOfBrowsers } from './differences/browsers.ts'
import { differencesOfEdge } from './differences/edge.ts'
import { differencesOfHttp } from './differences/http.ts'
import { differencesOfMessages } from './differences/messages.ts'
import { differencesOfModels } from './differences/models.ts'
import { differencesOfNames } from './differences/names.ts'
import { differencesOfServers } from './differences/servers.ts'
import type { WantedDifference } from './differences/wanted-difference.ts'

/** All of them: what `docs/compatibility.md` lists. */
export const wantedDifferences: readonly WantedDifference[] = [
  ...differencesOfHttp,
  ...differencesOfModels,
  ...differencesOfMessages,
  ...differencesOfNames,
  ...differencesOfServers,
  ...differencesOfBrowsers,
  ...differencesOfEdge,
]
