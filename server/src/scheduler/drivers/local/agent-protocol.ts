/** The node agent's messages, as python/README.md describes them. */

export interface AgentHello {
  version: string
  protocol: number
  pid: number
  uid: number
  dataDir: string
  cgroups: {
    mode: 'v2' | 'v1' | 'none'
    why: string
    limits: { cpu: boolean; memory: boolean; pids: boolean }
  }
}

export interface AgentExit {
  exitCode: number | null
  signal: string | null
  oomKilled: boolean
  reason: string
  message: string
}

export interface AgentJob {
  key: string
  state: 'running' | 'stopping' | 'ended'
  pid: number
  startedAtMs: number
  endedAtMs: number | null
  ports: Record<string, number>
  /** Every port of the job is listened on, by the job's owner. */
  listening: boolean
  exit: AgentExit | null
  /** `reason`: why a cold process was started although a warm one was asked for. */
  warm: { used: boolean; reason?: string }
  labels: Record<string, string>
  /** Bytes before `start` have been given up. */
  log: { path: string; start: number }
  memoryBytes?: number | null
  cpuSeconds?: number | null
  oomKills?: number
}

export type AgentStartResult =
  | { key: string; outcome: 'accepted'; job: AgentJob }
  | { key: string; outcome: 'rejected'; reason: string; message: string }

export interface AgentWarmEnvironment {
  prefix: string
  state: 'loading' | 'ready' | 'failed'
  reason?: string
  pid?: number
  residentBytes?: number
  modules?: number
  loadMs?: number
}

export interface AgentStatus extends AgentHello {
  residentBytes: number
  jobs: Record<string, number>
  warm: AgentWarmEnvironment[]
}

export interface AgentEvent {
  event: 'started' | 'listening' | 'exited' | 'absent' | 'warm'
  key?: string
}

/** What each verb answers. */
export interface AgentResults {
  hello: AgentHello
  status: AgentStatus
  start: { results: AgentStartResult[] }
  list: { jobs: AgentJob[] }
  stop: Record<string, never>
  forget: Record<string, never>
  preload: AgentWarmEnvironment
  unload: Record<string, never>
  subscribe: Record<string, never>
  shutdown: Record<string, never>
}

export type AgentVerb = keyof AgentResults

/** The protocol this driver speaks. */
export const agentProtocol = 1

/** An agent of another version is replaced by ours; its jobs go on. Equal to `VERSION` of the Python package. */
export const agentVersion = '0.1.0'
