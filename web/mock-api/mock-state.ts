import type { BrowserSession, Invitation } from '@atrium/contract/account.ts'
import type { AuditEvent } from '@atrium/contract/audit-api.ts'
import type { ClusterDetail } from '@atrium/contract/clusters-api.ts'
import type { HubGroup, HubService, HubShare, HubShareCode, HubToken } from '@atrium/contract/hub-models.ts'
import type { JobView } from '@atrium/contract/jobs-api.ts'
import type { RoleView } from '@atrium/contract/roles-api.ts'
import type { ScheduleView } from '@atrium/contract/runs-api.ts'
import type { IdleState, ServerDetails } from '@atrium/contract/servers.ts'

import type { MockRun } from './seed-runs.ts'

/** How a pretend server behaves: it follows its script by the clock. */
export interface MockServer {
  name: string
  displayName?: string
  profile?: string
  account?: string
  /** When it was asked to start; absent: never, or stopped. */
  askedAtMs?: number
  /** Waits in line this long first. */
  queuedMs: number
  /** Then takes this long to start; infinite for one that stays so. */
  startingMs: number
  fails: boolean
  stopAskedAtMs?: number
  idle?: Partial<IdleState>
  endsAtMs?: number
  restarts?: NonNullable<ServerDetails['restarts']>
}

export interface MockUser {
  name: string
  admin: boolean
  createdAtMs: number
  lastActivityAtMs?: number
  servers: MockServer[]
}

/** Everything the pretend platform holds. Handlers change it in place. */
export interface MockState {
  users: MockUser[]
  groups: (HubGroup & { users: string[] })[]
  tokens: (HubToken & { user: string })[]
  shares: HubShare[]
  shareCodes: HubShareCode[]
  services: HubService[]
  roles: RoleView[]
  jobs: JobView[]
  clusters: ClusterDetail[]
  runs: MockRun[]
  schedules: ScheduleView[]
  audit: AuditEvent[]
  sessions: BrowserSession[]
  invitations: Invitation[]
  /** Every request fails with 503 while true. */
  isDown: boolean
  nextId: number
}
