import { spawn } from 'node:child_process'
import type { Server } from 'node:net'
import type { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'

import type { EdgeState } from '#edge/edge.ts'
import { waitForReadyLine } from './ready-line.ts'

/** What an edge passes on to the one that takes its place. */
export interface Knowledge {
  /** Absent when it never learnt any. */
  state?: EdgeState
  fence: number
}

/** The descriptor at which a successor finds the listening socket. */
export const inheritedListenerFd = 3
/** Tells a process that it is one. */
export const successorFlag = '--successor'

const readyWithinMs = 15_000

/**
 * Starts this program again, as it is on disk now, with the same configuration file. It inherits the listening socket itself, so no
 * connection is refused or lost between the two. Resolves with its pid when it serves; otherwise it is gone.
 */
export async function startSuccessor(listener: Server, knowledge: Knowledge): Promise<number> {
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1, 3), successorFlag], {
    detached: true,
    // Node passes on the handle of anything that has one; its types know of streams only.
    stdio: ['pipe', 'pipe', 'inherit', listener as unknown as Writable],
  })
  child.stdin?.on('error', () => undefined)
  child.stdin?.end(JSON.stringify(knowledge))
  await waitForReadyLine(child, readyWithinMs)
  child.unref()
  return child.pid as number
}

/** What a predecessor wrote. */
export async function readKnowledge(): Promise<Knowledge> {
  return JSON.parse(await text(process.stdin)) as Knowledge
}
