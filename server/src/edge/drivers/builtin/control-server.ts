import { chmodSync, renameSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'

import type { EdgeReport, TargetFailure } from '#edge/edge.ts'
import type { ControlEvent, ControlRequest, EdgeHello, EdgeStatus, StatePush } from './control-messages.ts'
import type { EdgeServer } from './edge-server.ts'
import { readJsonLines, writeJsonLine } from './json-lines.ts'
import { findPushProblem } from './push-problems.ts'
import { fillPush } from './wire-state.ts'

/** What the control socket steers. */
export interface ControlledEdge {
  readonly server: Pick<EdgeServer, 'table' | 'replace' | 'apply'>
  getHello(): EdgeHello
  getStatus(): EdgeStatus
  /** Resolves when a successor serves. */
  startSuccessor(): Promise<void>
  stop(): Promise<void>
  /** Use of websockets that a predecessor still keeps. */
  onPredecessorReport(predecessor: object, report: EdgeReport): void
  onPredecessorGone(predecessor: object): void
}

/** The edge's side of the control socket. */
export class ControlServer {
  readonly #edge: ControlledEdge
  readonly #path: string
  readonly #server: Server
  readonly #connections = new Set<Socket>()
  readonly #followers = new Set<Socket>()
  /** The highest fencing number seen: pushes of a leader that was replaced are refused. */
  #fence: number
  /** Requests that came while a successor is being started: it will be sent them again. */
  #postponed: (() => void)[] | undefined

  constructor(edge: ControlledEdge, { path, fence = 0 }: { path: string; fence?: number }) {
    this.#edge = edge
    this.#path = path
    this.#fence = fence
    this.#server = createServer((socket) => this.#onConnection(socket))
  }

  get fence(): number {
    return this.#fence
  }

  get hasListeners(): boolean {
    return this.#connections.size > this.#followers.size
  }

  /**
   * Starts to listen. The socket is made under a name of its own and then put in place: a predecessor is replaced at one instant, and
   * closing it later does not remove ours.
   */
  async listen(): Promise<void> {
    const ownPath = `${this.#path}.${process.pid}`
    rmSync(ownPath, { force: true })
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(ownPath, resolve)
    })
    chmodSync(ownPath, 0o600)
    renameSync(ownPath, this.#path)
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
    this.#server.close()
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#connections) socket.destroy()
    rmSync(this.#path, { force: true })
  }

  #onConnection(socket: Socket): void {
    this.#connections.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      this.#connections.delete(socket)
      if (this.#followers.delete(socket)) this.#edge.onPredecessorGone(socket)
    })
    send(socket, this.#edge.getHello())
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
