import { setTimeout as sleep } from 'node:timers/promises'

import { PlatformError } from '@atrium/contract/errors.ts'

import { type AgentConnection, connectToAgent } from './agent-connection.ts'
import { startAgent } from './agent-process.ts'
import {
  type AgentEvent,
  type AgentHello,
  type AgentResults,
  type AgentVerb,
  agentProtocol,
  agentVersion,
} from './agent-protocol.ts'
import type { LocalSchedulerConfig } from './local-config.ts'

const connectTries = 100
const connectPauseMs = 50
const reconnectPausesMs = [50, 200, 1000, 5000]

/** Talks to the node agent, starts it when there is none, and comes back after it was replaced. */
export interface AgentClient {
  /** Throws `scheduler_unavailable` when the agent cannot be asked. */
  call<V extends AgentVerb>(
    verb: V,
    fields: Record<string, unknown>,
    options: { signal: AbortSignal; timeoutMs?: number },
  ): Promise<AgentResults[V]>
  /** Events of the agent; after a break in the connection one `undefined`: anything may have happened. */
  onEvent(listener: (event: AgentEvent | undefined) => void): () => void
  /** The agent and its jobs go on. */
  close(): void
}

/** Makes a client; it connects at the first call. */
export function createAgentClient(config: LocalSchedulerConfig): AgentClient {
  const listeners = new Set<(event: AgentEvent | undefined) => void>()
  const closing = new AbortController()
  let connecting: Promise<AgentConnection> | undefined

  function tell(event: AgentEvent | undefined): void {
    for (const listener of listeners) listener(event)
  }

  async function getConnection(): Promise<AgentConnection> {
    closing.signal.throwIfAborted()
    const current = await connecting?.catch(() => undefined)
    if (current?.isOpen()) return current
    connecting ??= openConnection()
    return connecting
  }

  async function openConnection(): Promise<AgentConnection> {
    try {
      const connection = await connectOrStart(config, { onEvent: tell, onClose })
      tell(undefined)
      return connection
    } catch (error) {
      connecting = undefined
      throw error
    }
  }

  function onClose(): void {
    connecting = undefined
    if (listeners.size > 0 && !closing.signal.aborted) void reconnect()
  }

  async function reconnect(): Promise<void> {
    for (let attempt = 0; !closing.signal.aborted; attempt++) {
      const pauseMs = reconnectPausesMs[Math.min(attempt, reconnectPausesMs.length - 1)]
      try {
        await sleep(pauseMs, undefined, { signal: closing.signal, ref: false })
        await getConnection()
        return
      } catch {
        // The next attempt, or the next call, says more.
      }
    }
  }

  return {
    async call(verb, fields, { signal, timeoutMs = config.callTimeoutMs }) {
      signal.throwIfAborted()
      const connection = await abortable(getConnection(), signal)
      return connection.call(verb, fields, { signal, timeoutMs })
    },
    onEvent(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close() {
      closing.abort(new PlatformError('scheduler_unavailable', { detail: 'the driver was closed' }))
      void connecting?.then(
        (connection) => connection.close(),
        () => {},
      )
    },
  }
}

interface ConnectionListeners {
  onEvent(event: AgentEvent): void
  onClose(): void
}

async function connectOrStart(
  config: LocalSchedulerConfig,
  listeners: ConnectionListeners,
): Promise<AgentConnection> {
  let hasStarted = false
  for (let attempt = 0; attempt < connectTries; attempt++) {
    const found = await tryConnect(config, listeners)
    if (typeof found === 'object') return found
    if (found === 'nobody' && !hasStarted) {
      await startAgent(config)
      hasStarted = true
      continue
    }
    // One agent is about to go, or another one that has the data folder is about to listen.
    await sleep(connectPauseMs)
    hasStarted = false
  }
  throw new PlatformError('scheduler_unavailable', { detail: `no agent answers at ${config.socketPath}` })
}

/** `leaving`: there is one, but it is about to go. */
async function tryConnect(
  config: LocalSchedulerConfig,
  listeners: ConnectionListeners,
): Promise<AgentConnection | 'nobody' | 'leaving'> {
  const options = { signal: new AbortController().signal, timeoutMs: config.callTimeoutMs }
  let isReady = false
  let connection: AgentConnection
  try {
    connection = await connectToAgent({
      socketPath: config.socketPath,
      onEvent: listeners.onEvent,
      onClose: () => isReady && listeners.onClose(),
    })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return 'nobody'
    // Killed between our connection and its accept.
    if (code === 'ECONNRESET') return 'leaving'
    throw new PlatformError('scheduler_unavailable', { cause: error })
  }
  try {
    const hello = await connection.call('hello', {}, options)
    if (hello.version !== agentVersion) {
      await retire(connection, hello, options)
      return 'leaving'
    }
    await connection.call('subscribe', {}, options)
    isReady = true
    return connection
  } catch (error) {
    // Killed a moment ago: its socket can outlive its connections by a blink.
    if (!connection.isOpen()) return 'leaving'
    connection.close()
    throw error
  }
}

/** An agent of another version of ours goes; the next one adopts its jobs. */
async function retire(
  connection: AgentConnection,
  hello: AgentHello,
  options: { signal: AbortSignal; timeoutMs: number },
): Promise<void> {
  if (hello.protocol > agentProtocol) {
    const detail = `the node agent (${hello.version}) is newer than this program`
    throw new PlatformError('scheduler_unavailable', { detail, cause: new Error(detail) })
  }
  await connection.call('shutdown', {}, options)
  connection.close()
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
