import type { CredentialActivity, EdgeReport, RouteActivity } from '#edge/edge.ts'
import type { CredentialRecord, RouteRecord } from './edge-table.ts'

/** Collects use between reports. A touch costs two writes: it happens for every request and websocket frame. */
export class ActivityLedger {
  #routes: RouteRecord[] = []
  #credentials: CredentialRecord[] = []

  touchRoute(record: RouteRecord, nowMs: number): void {
    record.lastActivityMs = nowMs
    if (record.isTouched) return
    record.isTouched = true
    this.#routes.push(record)
  }

  /** A client sent a websocket message. */
  touchMessage(record: RouteRecord, nowMs: number): void {
    record.lastMessageMs = nowMs
    this.touchRoute(record, nowMs)
  }

  touchCredential(record: CredentialRecord, nowMs: number): void {
    record.lastActivityMs = nowMs
    if (record.isTouched) return
    record.isTouched = true
    this.#credentials.push(record)
  }

  /** A websocket opened (1) or closed (-1), or is still there (0). The last two are no use, but are reported. */
  countWebsocket(record: RouteRecord, change: 1 | 0 | -1): void {
    record.openWebsockets += change
    this.touchRoute(record, record.lastActivityMs)
  }

  /** What happened since the last report; undefined when nothing did. */
  takeReport(): EdgeReport | undefined {
    if (this.#routes.length === 0 && this.#credentials.length === 0) return undefined
    const report = {
      // A record that was replaced meanwhile must not speak for its successor.
      routes: this.#routes.filter(({ isLive }) => isLive).map(toRouteActivity),
      credentials: this.#credentials.map(toCredentialActivity),
    }
    for (const record of this.#routes) record.isTouched = false
    for (const record of this.#credentials) record.isTouched = false
    this.#routes = []
    this.#credentials = []
    return report
  }
}

function toRouteActivity({
  route: { prefix },
  lastActivityMs,
  lastMessageMs,
  openWebsockets,
}: RouteRecord): RouteActivity {
  const message = lastMessageMs === 0 ? {} : { lastMessageMs }
  return { prefix, lastActivityMs, ...message, openWebsockets }
}

function toCredentialActivity({ credential, lastActivityMs }: CredentialRecord): CredentialActivity {
  return { hash: credential.hash, lastActivityMs }
}
