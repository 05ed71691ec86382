import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'

import { PlatformError } from '@atrium/contract/errors.ts'

import type { AgentEvent, AgentResults, AgentVerb } from './agent-protocol.ts'

/** An answer longer than this is no answer of our agent. */
const maxLineBytes = 256 * 1024 ** 2

export interface AgentConnection {
  /** Rejects with `scheduler_unavailable` when the connection ends first or the answer takes longer than `timeoutMs`. */
  call<V extends AgentVerb>(
    verb: V,
    fields: Record<string, unknown>,
    options: { signal: AbortSignal; timeoutMs: number },
  ): Promise<AgentResults[V]>
  isOpen(): boolean
  close(): void
}

interface PendingCall {
  resolve(result: never): void
  reject(error: Error): void
}

/** Connects to a live agent. Throws the socket's error when there is none. */
export async function connectToAgent(options: {
  socketPath: string
  onEvent(event: AgentEvent): void
  onClose(): void
}): Promise<AgentConnection> {
  const socket = createConnection(options.socketPath)
  try {
    await once(socket, 'connect')
  } catch (error) {
    socket.destroy()
    throw error
  }
  return createAgentConnection(socket, options)
}

function createAgentConnection(
  socket: Socket,
  { onEvent, onClose }: { onEvent(event: AgentEvent): void; onClose(): void },
): AgentConnection {
  const pending = new Map<number, PendingCall>()
  let lastId = 0

  function onLine(line: string): void {
    const message = JSON.parse(line)
    if (message.event) {
      onEvent(message)
      return
    }
    const call = pending.get(message.id)
    if (!call) return
    pending.delete(message.id)
    if (message.ok) call.resolve(message.result as never)
    else call.reject(refusal(message.error))
  }

  readLines(socket, onLine)
  socket.on('error', () => socket.destroy())
  socket.on('close', () => {
    for (const call of pending.values()) call.reject(unavailable('the node agent went away'))
    pending.clear()
    onClose()
  })

  return {
    call(verb, fields, { signal, timeoutMs }) {
      return new Promise((resolve, reject) => {
        const id = ++lastId
        const settle = () => {
          pending.delete(id)
          clearTimeout(timer)
          signal.removeEventListener('abort', onAbort)
        }
        const call: PendingCall = {
          resolve(result) {
            settle()
            resolve(result)
          },
          reject(error) {
            settle()
            reject(error)
          },
        }
        const onAbort = () => call.reject(signal.reason)
        const onTimeout = () => call.reject(unavailable(`the node agent gave no answer in ${timeoutMs} ms`))
        const timer = setTimeout(onTimeout, timeoutMs)
        if (signal.aborted) return onAbort()
        if (socket.destroyed) return call.reject(unavailable('the node agent went away'))
        signal.addEventListener('abort', onAbort, { once: true })
        pending.set(id, call)
        socket.write(`${JSON.stringify({ id, verb, ...fields, deadlineMs: monotonicMs() + timeoutMs })}\n`)
      })
    },
    isOpen: () => !socket.destroyed,
    close: () => socket.destroy(),
  }
}

function readLines(socket: Socket, onLine: (line: string) => void): void {
  let chunks: Buffer[] = []
  let bytes = 0
  socket.on('data', (chunk: Buffer) => {
    let rest = chunk
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      const line = Buffer.concat([...chunks, rest.subarray(0, end)]).toString()
      chunks = []
      bytes = 0
      rest = rest.subarray(end + 1)
      if (!handle(line)) return
    }
    if (rest.length > 0) chunks.push(rest)
    bytes += rest.length
    if (bytes > maxLineBytes) socket.destroy()
  })

  function handle(line: string): boolean {
    try {
      onLine(line)
    } catch {
      // Not our protocol: whoever waits for an answer gets "unavailable".
      socket.destroy()
    }
    return !socket.destroyed
  }
}

/** The machine's monotonic clock, which the agent reads too. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n)
}

function refusal(error: { code: string; message: string }): PlatformError {
  return new PlatformError('internal', { detail: error, cause: new Error(error.message) })
}

function unavailable(why: string): PlatformError {
  return new PlatformError('scheduler_unavailable', { detail: why, cause: new Error(why) })
}
