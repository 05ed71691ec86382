/**
 * What goes over a control connection: one JSON value a line, both ways. Requests carry a number and are answered by it, in order. Only
 * the edge's own user reaches the control socket (mode 0600 in a folder of 0700), so there is no further secret: whoever is that user can
 * read any file that could hold one. Edges on other machines listen on TCP, where both sides prove first that they have the platform's key
 * (`shared-key-tls.ts`).
 */
import type { ErrorCode } from '@atrium/contract/errors.ts'

import type { EdgeChange, EdgeReport, EdgeState, TargetFailure } from '#edge/edge.ts'
import type { LiveCounts } from './edge-server.ts'
import type { TrafficCounts } from './traffic.ts'

/** Changes when either side could misread the other. 2: tunnels, and credentials that name clusters. */
export const protocolVersion = 2

/** Since this version an edge hands over to a program of any later one. */
export const handoverSinceVersion = 1

/** Since this version edges run by themselves, and speak with control planes of any later version and of earlier ones down to this. */
export const externalSinceVersion = 2

/** From whoever connects. */
export type ControlRequest =
  | { type: 'replace'; seq: number; fence: number; state: EdgeState }
  | { type: 'apply'; seq: number; fence: number; changes: readonly EdgeChange[] }
  | { type: 'status'; seq: number }
  /** Start a successor that takes over the port; see `edge-handover.ts`. */
  | { type: 'hand-over'; seq: number }
  | { type: 'stop'; seq: number }
  /** A predecessor, which still has websockets: wants all changes, and reports their activity. */
  | { type: 'follow'; seq: number }
  | { type: 'report'; report: EdgeReport }

/** What tells an edge something new. */
export type StatePush = Extract<ControlRequest, { type: 'replace' | 'apply' }>

/** From the edge. */
export type ControlEvent =
  | EdgeHello
  | { type: 'ack'; seq: number }
  | { type: 'refused'; seq: number; code: ErrorCode; message: string }
  | { type: 'status'; seq: number; status: EdgeStatus }
  | { type: 'report'; report: EdgeReport }
  | { type: 'target-failed'; failure: TargetFailure }
  /** A successor listens at the same path: connect again, and send again what was not acknowledged. */
  | { type: 'superseded' }
  | { type: 'changed'; changes: readonly EdgeChange[] }
  | { type: 'replaced'; state: EdgeState }

/** The first line of every connection. */
export interface EdgeHello {
  type: 'hello'
  protocol: number
  pid: number
  /** Where it listens. */
  host: string
  port: number
  publicUrl: string
  /** Hash of its settings: an edge with others has to be restarted. */
  settings: string
  /** Nothing was pushed to it yet. */
  isEmpty: boolean
}

/** For people and monitoring. */
export interface EdgeStatus extends TrafficCounts, LiveCounts {
  pid: number
  uptimeS: number
  rssBytes: number
  cpuSeconds: number
  routes: number
  tunnels: number
  credentials: number
}
