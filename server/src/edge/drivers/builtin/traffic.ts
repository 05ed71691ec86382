/** What went through the edge since its start, for monitoring. */
export interface TrafficCounts {
  /** Answered requests, those that the edge itself refused included; not websockets. */
  requests: number
  /** Of them, those answered with 500 or above. */
  failedRequests: number
  /** Time from a request's head to the end of its answer, all together. */
  requestSeconds: number
  /** Connections that were closed at once because there were too many. */
  turnedAwayConnections: number
  /** TLS connections that were passed on unread. */
  tunnelConnections: number
  /** TLS connections that asked for nobody here, or made no sense. */
  refusedTunnelConnections: number
  /** What was passed on unread, both ways together. */
  tunnelBytes: number
}

/** Counts traffic. */
export class Traffic {
  #requests = 0
  #failedRequests = 0
  #requestMs = 0
  #turnedAwayConnections = 0
  #tunnelConnections = 0
  #refusedTunnelConnections = 0
  #tunnelBytes = 0

  get counts(): TrafficCounts {
    return {
      requests: this.#requests,
      failedRequests: this.#failedRequests,
      requestSeconds: this.#requestMs / 1000,
      turnedAwayConnections: this.#turnedAwayConnections,
      tunnelConnections: this.#tunnelConnections,
      refusedTunnelConnections: this.#refusedTunnelConnections,
      tunnelBytes: this.#tunnelBytes,
    }
  }

  countAnswer(status: number, durationMs: number): void {
    this.#requests += 1
    if (status >= 500) this.#failedRequests += 1
    this.#requestMs += durationMs
  }

  countTurnedAway(): void {
    this.#turnedAwayConnections += 1
  }

  countTunnel(): void {
    this.#tunnelConnections += 1
  }

  countRefusedTunnel(): void {
    this.#refusedTunnelConnections += 1
  }

  countTunnelBytes(bytes: number): void {
    this.#tunnelBytes += bytes
  }
}
