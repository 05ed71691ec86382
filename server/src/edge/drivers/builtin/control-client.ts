import { connect, type Socket } from 'node:net'
import { PlatformError } from '@atrium/contract/errors.ts'

import type { EdgeReport, TargetFailure } from '#edge/edge.ts'
import {
  type ControlEvent,
  type EdgeHello,
  type EdgeStatus,
  handoverSinceVersion,
  protocolVersion,
} from './control-messages.ts'
import { readJsonLines, writeJsonLine } from './json-lines.ts'

/** A request without its number. */
export type Push = { [key: string]: unknown; type: 'replace' | 'apply' | 'status' | 'hand-over' | 'stop' }

/** What a connection to an edge tells of by itself. */
export interface ControlListener {
  onReport?(report: EdgeReport): void
  onTargetFailed?(failure: TargetFailure): void
  /** The connection is gone; `isSuperseded`: because a successor serves at the same path. */
  onClose?(): void
}

/** One connection to an edge's control socket. */
export interface ControlClient {
  readonly hello: EdgeHello
  /** Resolves with the edge's answer when the request is live. Rejects with the edge's refusal, or `internal` when the connection is lost. */
  request(push: Push): Promise<EdgeStatus | undefined>
  /** Lets go of the edge; `onClose` is not called. */
  close(): void
  /** Gives up an edge that does not answer: what waits for it is told, and `onClose` called. */
  abandon(): void
}

/** Nobody answers at the control socket. */
export class NoEdgeError extends Error {
  override readonly name = 'NoEdgeError'
}

/** The connection ended before the request was acknowledged: it may have to be sent again. */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError'
}

interface Waiting {
  resolve(status: EdgeStatus | undefined): void
  reject(error: Error): void
}

const helloWithinMs = 5000

/** Connects to a control socket and waits for the edge's greeting. Rejects with `NoEdgeError`, also when something else answers. */
export function connectToEdge(path: string, listener: ControlListener = {}): Promise<ControlClient> {
  return greetEdge(connect(path), path, listener)
}

/** The same over a connection that is being made. `place` names the edge in errors. */
export async function greetEdge(
  socket: Socket,
  place: string,
  listener: ControlListener = {},
): Promise<ControlClient> {
  const waiting = new Map<number, Waiting>()
  let hello: EdgeHello | undefined
  let lastSeq = 0
  let reason: Error | undefined
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => socket.destroy(new Error('no greeting')), helloWithinMs)
    socket.on('error', (error) => {
      reason = error
    })
    socket.on('close', () => {
      clearTimeout(timer)
      if (hello === undefined) reject(new NoEdgeError(`no edge answers at ${place}`, { cause: reason }))
      else endConnection(waiting, listener)
    })
    readJsonLines<ControlEvent>(socket, (event) => {
      if (event.type !== 'hello') {
        handleEvent(event, waiting, listener)
        return
      }
      clearTimeout(timer)
      hello = event
      resolve()
    })
  })
  return {
    hello: hello as unknown as EdgeHello,
    request(push) {
      if (!socket.writable) return Promise.reject(new ConnectionLostError('the edge is not connected'))
      lastSeq += 1
      const seq = lastSeq
      return new Promise((resolve, reject) => {
        waiting.set(seq, { resolve, reject })
        writeJsonLine(socket, { ...push, seq })
      })
    },
    close: () => closeQuietly(socket),
    abandon: () => void socket.destroy(),
  }
}

/** True when both sides mean the same by their messages. */
export function isSpeakingOurs({ protocol }: EdgeHello): boolean {
  return protocol === protocolVersion
}

/** True when an edge of an older program, which is replaced by one of ours, loses nothing. */
export function canHandOver({ protocol }: EdgeHello): boolean {
  return protocol >= handoverSinceVersion && protocol <= protocolVersion
}

function handleEvent(
  event: Exclude<ControlEvent, EdgeHello>,
  waiting: Map<number, Waiting>,
  listener: ControlListener,
): void {
  switch (event.type) {
    case 'report':
      listener.onReport?.(event.report)
      return
    case 'target-failed':
      listener.onTargetFailed?.(event.failure)
      return
    case 'ack':
    case 'status':
    case 'refused':
      settle(event, waiting)
      return
    default:
  }
}

function settle(event: Extract<ControlEvent, { seq: number }>, waiting: Map<number, Waiting>): void {
  const request = waiting.get(event.seq)
  waiting.delete(event.seq)
  if (event.type === 'refused') request?.reject(new PlatformError(event.code, { detail: event.message }))
  else request?.resolve(event.type === 'status' ? event.status : undefined)
}

function endConnection(waiting: Map<number, Waiting>, listener: ControlListener): void {
  for (const { reject } of waiting.values())
    reject(new ConnectionLostError('the connection to the edge was lost'))
  waiting.clear()
  listener.onClose?.()
}

function closeQuietly(socket: Socket): void {
  socket.removeAllListeners('close')
  socket.destroy()
}
