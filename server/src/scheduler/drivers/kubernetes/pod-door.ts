import { createHmac } from 'node:crypto'
import { isIPv6 } from 'node:net'

import { Agent, request } from 'undici'

import type { JobKey } from '#scheduler/job.ts'

/** Below the ports of programs, and none that one of them wants by itself. */
export const doorPort = 7999

const connectMs = 3000
const answerMs = 5000
/** A program can answer in its own door's place, since both are of one user: it must not fill our memory. */
const longestAnswer = 64 * 1024

/** What the first process of a pod says of its job: see `pod_watch.py`. All of it could be the job's own invention. */
export interface DoorState {
  /** Names of ports that the job's owner listens on. */
  listening: readonly string[]
  cpuSeconds?: number
  memoryBytes?: number
  oomKills?: number
  /** The file system that the home is on. */
  home?: { bytes: number; freeBytes: number; files: number; freeFiles: number }
}

export interface DoorCall {
  /** The pod's address. */
  host: string
  key: JobKey
  signal: AbortSignal
}

/** The doors of all pods: where the control plane sees and ends jobs without asking Kubernetes. */
export interface PodDoors {
  /** Of one job's door; the same after a restart, and for every replica. */
  token(key: JobKey): string
  /** With `waitSeconds`: once other ports are listened on than `known`, or that time is over. Throws when the door does not answer. */
  state(call: DoorCall & { known?: readonly string[]; waitSeconds?: number }): Promise<DoorState>
  /** Asks the job to end. Throws when the door does not answer. */
  end(call: DoorCall & { graceMs: number }): Promise<void>
  /** Tells the main pod of a job of several where the others are. Throws when the door does not answer. */
  start(call: DoorCall & { addresses: readonly string[] }): Promise<void>
  close(): Promise<void>
}

/** `secret`: what all tokens are derived from. */
export function createPodDoors(secret: string): PodDoors {
  const agent = new Agent({
    connect: { timeout: connectMs },
    maxResponseSize: longestAnswer,
    keepAliveTimeout: 1,
  })
  const token = (key: JobKey) => createHmac('sha256', secret).update(`pod-door ${key}`).digest('base64url')
  const send = async (call: DoorCall, method: 'GET' | 'POST', path: string, body?: object, waitMs = 0) => {
    const host = isIPv6(call.host) ? `[${call.host}]` : call.host
    const answer = await request(`http://${host}:${doorPort}${path}`, {
      method,
      headers: { authorization: `Bearer ${token(call.key)}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      dispatcher: agent,
      signal: AbortSignal.any([call.signal, AbortSignal.timeout(connectMs + answerMs + waitMs)]),
    })
    const text = await answer.body.text()
    if (answer.statusCode >= 300)
      throw new Error(`The door of the pod answers with status ${answer.statusCode}.`)
    return JSON.parse(text) as unknown
  }
  return {
    token,
    async state({ known = [], waitSeconds, ...call }) {
      const query = waitSeconds === undefined ? '' : `?listening=${known.join(',')}&wait=${waitSeconds}`
      return parseState(await send(call, 'GET', `/state${query}`, undefined, (waitSeconds ?? 0) * 1000))
    },
    async end({ graceMs, ...call }) {
      await send(call, 'POST', '/end', { graceMs: Math.max(0, Math.round(graceMs)) })
    },
    async start({ addresses, ...call }) {
      await send(call, 'POST', '/start', { addresses })
    },
    close: () => agent.destroy(),
  }
}

/** Only what has the right form is taken. */
function parseState(answer: unknown): DoorState {
  const said = isRecord(answer) ? answer : {}
  const listening = Array.isArray(said['listening']) ? said['listening'] : []
  const home = parseHome(said['home'])
  return {
    listening: listening.filter((name) => typeof name === 'string'),
    ...parseNumbers(said, ['cpuSeconds', 'memoryBytes', 'oomKills']),
    ...(home === undefined ? {} : { home }),
  }
}

function parseHome(said: unknown): DoorState['home'] {
  if (!isRecord(said)) return undefined
  const { bytes, freeBytes, files, freeFiles } = parseNumbers(said, [
    'bytes',
    'freeBytes',
    'files',
    'freeFiles',
  ])
  if (bytes === undefined || freeBytes === undefined) return undefined
  return { bytes, freeBytes, files: files ?? 0, freeFiles: freeFiles ?? 0 }
}

function parseNumbers<Name extends string>(
  said: Readonly<Record<string, unknown>>,
  names: readonly Name[],
): Partial<Record<Name, number>> {
  const found: Partial<Record<Name, number>> = {}
  for (const name of names) {
    const value = said[name]
    if (typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER) found[name] = value
  }
  return found
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
