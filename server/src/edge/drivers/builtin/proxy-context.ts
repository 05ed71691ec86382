import type { Clock } from '#platform/clock.ts'

import type { ActivityLedger } from './activity-ledger.ts'
import type { ClientAddress } from './client-address.ts'
import type { ControlPlaneUpstream } from './control-plane-upstream.ts'
import type { EdgeSettings } from './edge-settings.ts'
import type { EdgeTable, RouteRecord } from './edge-table.ts'
import type { LiveExchanges } from './live-exchanges.ts'
import type { PieceMemory } from './piece-memory.ts'
import type { Traffic } from './traffic.ts'
import type { FlowBuffers } from './tunnel-flow.ts'
import type { Upstreams } from './upstreams.ts'

/** What every exchange needs. */
export interface ProxyContext {
  settings: EdgeSettings
  sessionCookieName: string
  /** How clients reach the edge itself. */
  scheme: 'http' | 'https'
  table: EdgeTable
  upstreams: Upstreams
  controlPlane: ControlPlaneUpstream
  live: LiveExchanges
  traffic: Traffic
  pieces: PieceMemory
  flowBuffers: FlowBuffers
  activity: ActivityLedger
  clock: Clock
  findClientAddress: (socket: import('node:net').Socket) => ClientAddress
  onTargetFailed: (record: RouteRecord) => void
  /** True while the edge is stopping: clients are told to open a new connection. */
  isDraining: boolean
}
