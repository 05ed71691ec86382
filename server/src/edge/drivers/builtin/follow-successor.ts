import { connect } from 'node:net'

import type { ControlEvent, ControlRequest } from './control-messages.ts'
import type { EdgeServer } from './edge-server.ts'
import type { EdgeTimes } from './edge-settings.ts'
import { readJsonLines, writeJsonLine } from './json-lines.ts'

/** Between attempts to reach a successor. */
const retryMs = 200

export interface FollowOptions {
  /** The control socket of whichever edge serves now. */
  path: string
  times: Pick<EdgeTimes, 'reportEveryMs' | 'orphanMs'>
  server: EdgeServer
}

/**
 * Keeps an edge that was superseded informed, so that revocation reaches the websockets it still has, and reports their use. When no edge
 * serves any more nothing can be revoked, and what is left is cut.
 */
export function followSuccessor({ path, times, server }: FollowOptions): { close(): void } {
  let isClosed = false
  let socket = open()
  let lostSinceMs: number | undefined
  const reporter = setInterval(sendReport, times.reportEveryMs)

  function open() {
    const opened = connect(path)
    opened.on('error', () => opened.destroy())
    opened.on('connect', () => {
      lostSinceMs = undefined
      send({ type: 'follow', seq: 0 })
    })
    opened.on('close', onClose)
    readJsonLines<ControlEvent>(opened, onEvent)
    return opened
  }

  function onEvent(event: ControlEvent) {
    if (event.type === 'replaced') server.replace(event.state)
    if (event.type === 'changed') server.apply(event.changes)
  }

  function onClose() {
    if (isClosed) return
    lostSinceMs ??= performance.now()
    if (performance.now() - lostSinceMs > times.orphanMs) {
      server.cutAll()
      return
    }
    setTimeout(() => {
      if (!isClosed) socket = open()
    }, retryMs)
  }

  function send(request: ControlRequest) {
    if (socket.writable) writeJsonLine(socket, request)
  }

  function sendReport() {
    if (!socket.writable) return
    const report = server.takeReport()
    if (report !== undefined) send({ type: 'report', report })
  }

  return {
    close() {
      isClosed = true
      clearInterval(reporter)
      sendReport()
      socket.end()
    },
  }
}
