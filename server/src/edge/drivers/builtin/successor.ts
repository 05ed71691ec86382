import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Server } from 'node:net'

import type { EdgeState } from '#edge/edge.ts'
import { successorFlag } from './edge-program-flags.ts'
import { waitForReadyLine } from './ready-line.ts'
import { fillState } from './wire-state.ts'

/** What an edge passes on to the one that takes its place. */
export interface Knowledge {
  /** Absent when it never learnt any. */
  state?: EdgeState
  fence: number
}

const readyWithinMs = 15_000

/**
 * Starts this program again, as it is on disk now, with the same configuration file. It gets the listening socket itself, so no connection
 * is refused or lost between the two. Resolves with its pid when it serves; otherwise it is gone.
 */
export async function startSuccessor(listener: Server, knowledge: Knowledge): Promise<number> {
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1, 3), successorFlag], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  child.send(knowledge, listener, () => undefined)
  await waitForReadyLine(child, readyWithinMs)
  child.disconnect()
  child.unref()
  return child.pid as number
}

/** Waits for what the predecessor passes on: its knowledge, and a server that listens already. */
export async function receiveInheritance(): Promise<Knowledge & { listener: Server }> {
  const [knowledge, listener] = (await once(process, 'message')) as [Knowledge, Server]
  const { state } = knowledge
  return { ...knowledge, ...(state === undefined ? {} : { state: fillState(state) }), listener }
}
