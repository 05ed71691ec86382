import type { Socket } from 'node:net'

import type { EdgeReport, TargetFailure } from '#edge/edge.ts'
import type { ControlDoor } from './control-door.ts'
import type { ControlEvent, ControlRequest, EdgeHello, EdgeStatus, StatePush } from './control-messages.ts'
import type { EdgeServer } from './edge-server.ts'
import { readJsonLines, writeJsonLine } from './json-lines.ts'
import { findPushProblem } from './push-problems.ts'
import { fillPush } from './wire-state.ts'

/** What control planes steer. */
export interface ControlledEdge {
  readonly server: Pick<EdgeServer, 'table' | 'replace' | 'apply'>
  getHello(): EdgeHello
  getStatus(): EdgeStatus
  /** Resolves when a successor serves. */
  startSuccessor(): Promise<void>
  stop(): Promise<void>
  /** A control plane has connected, which knows nothing of what is under way. */
  onListener(): void
  /** Use of websockets that a predecessor still keeps. */
  onPredecessorReport(predecessor: object, report: EdgeReport): void
  onPredecessorGone(predecessor: object): void
}

/** The edge's side of the control socket. */
export class ControlServer {
  readonly #edge: ControlledEdge
  readonly #door: ControlDoor
  readonly #connections = new Set<Socket>()
  readonly #followers = new Set<Socket>()
  /** The highest fencing number seen: pushes of a leader that was replaced are refused. */
  #fence: number
  /** Requests that came while a successor is being started: it will be sent them again. */
  #postponed: (() => void)[] | undefined

  constructor(edge: ControlledEdge, { door, fence = 0 }: { door: ControlDoor; fence?: number }) {
    this.#edge = edge
    this.#door = door
    this.#fence = fence
  }

  get fence(): number {
    return this.#fence
  }

  get hasListeners(): boolean {
    return this.#connections.size > this.#followers.size
  }

  listen(): Promise<void> {
    return this.#door.listen((socket) => this.#onConnection(socket))
  }

  sendReport(report: EdgeReport): void {
    this.#broadcast({ type: 'report', report })
  }

  sendTargetFailed(failure: TargetFailure): void {
    this.#broadcast({ type: 'target-failed', failure })
  }

  /**
   * Has a successor started and sends everybody to it. What comes in meanwhile waits: it is for the successor, which did not see it; or
   * for us after all, when none comes up. Rejects then.
   */
  async handOver({ acknowledge }: { acknowledge?: () => void } = {}): Promise<void> {
    if (this.#postponed !== undefined) throw new Error('a successor is being started already')
    this.#postponed = []
    try {
      await this.#edge.startSuccessor()
    } catch (error) {
      const postponed = this.#postponed
      this.#postponed = undefined
      for (const handle of postponed) handle()
      throw error
    }
    acknowledge?.()
    for (const socket of this.#connections) {
      send(socket, { type: 'superseded' })
      socket.end()
    }
    this.#door.leave()
  }

  /** Ends all connections when what was said last is out. */
  close(): void {
    this.#door.close()
    for (const socket of this.#connections) socket.destroySoon()
  }

  #onConnection(socket: Socket): void {
    this.#connections.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      this.#connections.delete(socket)
      if (this.#followers.delete(socket)) this.#edge.onPredecessorGone(socket)
    })
    send(socket, this.#edge.getHello())
    this.#edge.onListener()
    readJsonLines<ControlRequest>(socket, (request) => this.#onRequest(socket, request))
  }

  #onRequest(socket: Socket, request: ControlRequest): void {
    if (this.#postponed === undefined) this.#handle(socket, request)
    else this.#postponed.push(() => this.#handle(socket, request))
  }

  #handle(socket: Socket, request: ControlRequest): void {
    switch (request.type) {
      case 'replace':
      case 'apply':
        this.#push(socket, fillPush(request))
        break
      case 'status':
        send(socket, { type: 'status', seq: request.seq, status: this.#edge.getStatus() })
        break
      case 'hand-over':
        this.handOver({ acknowledge: () => send(socket, { type: 'ack', seq: request.seq }) }).catch(
          (error: Error) => {
            send(socket, { type: 'refused', seq: request.seq, code: 'internal', message: error.message })
          },
        )
        break
      case 'stop':
        send(socket, { type: 'ack', seq: request.seq })
        void this.#edge.stop()
        break
      case 'follow':
        this.#followers.add(socket)
        send(socket, { type: 'replaced', state: this.#edge.server.table.state })
        break
      case 'report':
        this.#edge.onPredecessorReport(socket, request.report)
    }
  }

  #push(socket: Socket, request: StatePush): void {
    const { seq, fence } = request
    if (fence < this.#fence) {
      send(socket, {
        type: 'refused',
        seq,
        code: 'lease_lost',
        message: `fence ${fence} is older than ${this.#fence}`,
      })
      return
    }
    const problem = findPushProblem(request)
    if (problem !== undefined) {
      send(socket, { type: 'refused', seq, code: 'bad_request', message: problem })
      return
    }
    if (request.type === 'apply' && this.#edge.server.table.isEmpty) {
      send(socket, {
        type: 'refused',
        seq,
        code: 'conflict',
        message: 'the edge is empty and needs a replace first',
      })
      return
    }
    this.#fence = fence
    if (request.type === 'replace') this.#edge.server.replace(request.state)
    else this.#edge.server.apply(request.changes)
    send(socket, { type: 'ack', seq })
    for (const follower of this.#followers) send(follower, toFollowerEvent(request))
  }

  #broadcast(event: ControlEvent): void {
    for (const socket of this.#connections) if (!this.#followers.has(socket)) send(socket, event)
  }
}

function toFollowerEvent(request: StatePush): ControlEvent {
  return request.type === 'replace'
    ? { type: 'replaced', state: request.state }
    : { type: 'changed', changes: request.changes }
}

function send(socket: Socket, event: ControlEvent): void {
  if (socket.writable) writeJsonLine(socket, event)
}
