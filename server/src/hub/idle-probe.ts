import type { JobEndpoint } from '#scheduler/job.ts'

import { askServer } from './ask-server.ts'
import type { KernelUse, TerminalUse } from './idle-report.ts'
import { serverPort } from './server-environment.ts'

/** What a Jupyter server says of itself. */
export interface JupyterUse {
  kernels: readonly KernelUse[]
  terminals: readonly TerminalUse[]
}

/** A running server and how to ask it. */
export interface ProbeTarget {
  endpoint: JobEndpoint
  /** `/user/alice/`. */
  path: string
  /** The server's own token. */
  token: string
}

/** Asks a server for its kernels and terminals; undefined when it does not answer, or not as a Jupyter server does. */
export type IdleProbe = (target: ProbeTarget, signal: AbortSignal) => Promise<JupyterUse | undefined>

const longestBytes = 1024 * 1024
/** More are not looked at, and longer names are cut: the report is kept and shown. */
const mostEntries = 200
const longestName = 64

/**
 * Asks Jupyter Server's REST API (https://jupyter-server.readthedocs.io/en/latest/developers/rest-api.html). `no_track_activity`: our
 * asking is no use. A server without terminals answers 404 for them, which is none.
 */
export function createIdleProbe({ timeoutMs }: { timeoutMs: number }): IdleProbe {
  return async (target, signal) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    const ask = (name: string) => askList(target, name, limit)
    const [kernels, terminals] = await Promise.all([ask('kernels'), ask('terminals')]).catch(() => [])
    if (kernels === undefined) return undefined
    return { kernels: kernels.flatMap(parseKernel), terminals: (terminals ?? []).flatMap(parseTerminal) }
  }
}

async function askList(
  { endpoint, path, token }: ProbeTarget,
  name: string,
  signal: AbortSignal,
): Promise<readonly Record<string, unknown>[] | undefined> {
  const { status, body } = await askServer({
    endpoint,
    port: serverPort,
    path: `${path}api/${name}?no_track_activity=1`,
    headers: { authorization: `token ${token}`, accept: 'application/json' },
    signal,
    longestBytes,
  })
  if (status !== 200 || body === undefined) return undefined
  const list: unknown = JSON.parse(body)
  if (!Array.isArray(list)) return undefined
  return list.slice(0, mostEntries).filter((entry) => typeof entry === 'object' && entry !== null)
}

function parseKernel(entry: Record<string, unknown>): readonly KernelUse[] {
  const { id, name, execution_state: state, last_activity: lastActivity, connections } = entry
  const lastActivityMs = parseTime(lastActivity)
  if (lastActivityMs === undefined) return []
  const open = typeof connections === 'number' ? connections : 0
  return [{ id: cut(id), name: cut(name), state: cut(state), lastActivityMs, connections: open }]
}

function parseTerminal({
  name,
  last_activity: lastActivity,
}: Record<string, unknown>): readonly TerminalUse[] {
  const lastActivityMs = parseTime(lastActivity)
  return lastActivityMs === undefined ? [] : [{ name: cut(name), lastActivityMs }]
}

function cut(text: unknown): string {
  return String(text).slice(0, longestName)
}

function parseTime(text: unknown): number | undefined {
  const ms = typeof text === 'string' ? Date.parse(text) : Number.NaN
  return Number.isNaN(ms) ? undefined : ms
}
