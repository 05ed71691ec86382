import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** Most requests that may wait behind another on their connection. Browsers send none ahead of an answer, and few programs do. */
const maxWaiting = 64

/** Lets the requests of one connection begin one after the other. */
export interface RequestTurns {
  /** Calls `start` now, or when the responses before this one are complete; never, when the connection ends before. */
  whenFirst(request: IncomingMessage, response: ServerResponse, start: () => void): void
  /** True while a response is under way on the connection. */
  isBusy(connection: Duplex): boolean
}

/**
 * Creates the turns of a server's connections. Node hands over a pipelined request as soon as it is read: thousands fit into one packet, and
 * each would take a connection to its upstream.
 */
export function createRequestTurns(): RequestTurns {
  const waiting = new WeakMap<Duplex, number>()
  return {
    whenFirst(request, response, start) {
      if (response.socket !== null) {
        start()
        return
      }
      const { socket } = request
      const count = (waiting.get(socket) ?? 0) + 1
      waiting.set(socket, count)
      if (count > maxWaiting) {
        socket.destroy()
        return
      }
      response.once('socket', () => {
        waiting.set(socket, (waiting.get(socket) ?? 0) - 1)
        // Not inside Node's own work on the response before.
        process.nextTick(start)
      })
    },
    // Node keeps the response that a socket is sending here, and tells nobody otherwise.
    isBusy: (connection) => (connection as { _httpMessage?: unknown })._httpMessage != null,
  }
}
