import type { JobState } from './jobs.ts'

/** The life of a notebook server as its user sees it. `unknown`: the scheduler does not answer; the server may well be running. */
export const serverStates = [
  'stopped',
  'queued',
  'starting',
  'running',
  'stopping',
  'failed',
  'unknown',
] as const

export type ServerState = (typeof serverStates)[number]

/** What may be asked of a server in which state: disabled buttons and refusals both follow this table. */
export const serverCan = {
  start: ['stopped', 'failed'],
  stop: ['queued', 'starting', 'running', 'failed', 'unknown'],
  open: ['running', 'unknown'],
  share: ['stopped', 'queued', 'starting', 'running', 'failed', 'unknown'],
  keepRunning: ['running'],
  /** Removing a named server's record. */
  remove: ['stopped', 'failed'],
} as const satisfies Record<string, readonly ServerState[]>

/** True when a server in `state` may be asked to do `action`. */
export function canServer(action: keyof typeof serverCan, state: ServerState): boolean {
  return (serverCan[action] as readonly ServerState[]).includes(state)
}

/** The state a person sees for a job's: a server without a job is `stopped`. */
export function serverStateOf(job: JobState | undefined): ServerState {
  switch (job) {
    case undefined:
    case 'succeeded':
    case 'cancelled':
      return 'stopped'
    case 'queued':
    case 'pending':
      return 'queued'
    case 'failed':
    case 'preempted':
      return 'failed'
    default:
      return job
  }
}

/** Stands for the default server in paths of Atrium's own API, where a segment cannot be empty: `/api/v1/servers/alice/-/log`. */
export const defaultServerSegment = '-'

/** A named choice of resources, environment and limits (`GET /api/v1/profiles`): those the caller may use, the default first. */
export interface Profile {
  /** Stable, goes into `user_options.profile`. */
  name: string
  title: string
  description: string
  /** Cores. Absent: not limited. */
  cpu?: number
  memoryBytes?: number
  gpu?: number
  environment?: string
  timeLimitMs?: number
  /** Stopped after this long without use. Absent: never. */
  idleTimeoutMs?: number
  partition?: string
  nodes?: number
  /** Whole nodes. */
  exclusive?: boolean
  /** May be taken away for more important jobs, and comes back by itself. */
  preemptible?: boolean
  /** What it can be charged to, the default first: goes into `user_options.account`. Absent: nothing is charged. */
  accounts?: readonly ProfileAccount[]
  /** Why the scheduler would refuse it; administrators ask for these. */
  withheld?: string
  /** Why nobody could say whether the scheduler would refuse it. */
  unchecked?: string
  isDefault: boolean
}

/** An account of the scheduler, with its limits for this user and profile. */
export interface ProfileAccount {
  name: string
  isDefault: boolean
  limits: {
    timeLimitMs?: number
    /** At a time. */
    jobs?: number
    nodes?: number
    cpu?: number
    gpu?: number
    memoryBytes?: number
  }
}

/** Everything a person wants to know of a server (`GET /api/v1/servers/:user`: the default one first, then the named ones; and one: `/:user/:server`). */
export interface ServerDetails {
  user: string
  /** Empty: the default server. */
  name: string
  /** What its owner calls it, where that is more than the name. */
  displayName?: string
  state: ServerState
  /** Where it answers, relative to the origin: `/user/alice/`. */
  url: string
  /** JupyterHub's progress stream. */
  progressUrl: string
  /** Name of the profile it was last started with. */
  profile?: string
  /** The account it was last charged to by its user's choice. */
  account?: string
  /** Key of its last job. */
  jobKey?: string
  node?: string
  /** Short and stable: why it waits or how it ended. */
  reason?: string
  /** The same as a sentence. */
  message?: string
  exitCode?: number
  /** The last lines of output of a start that failed. */
  logTail?: string
  /** Place in the queue, 1 is next. */
  place?: number
  estimatedStartAtMs?: number
  requestedAtMs?: number
  readyAtMs?: number
  lastActivityAtMs?: number
  /** When the time limit ends it. */
  endsAtMs?: number
  /** Little is left of its time: its owner is warned. */
  endsSoon?: boolean
  /** How often it began anew by itself (preempted, its node lost), and why the last time. */
  restarts?: { count: number; reason: string; message: string; atMs: number }
  /** `oomKills`: programs of it that were ended because it used more memory than it may. */
  usage?: { memoryBytes?: number; cpuSeconds?: number; oomKills?: number }
  limits?: { cpu?: number; memoryBytes?: number; gpu?: number }
  idle?: IdleState
}

/** What the idle stop knows of a running server. */
export interface IdleState {
  /** True while something counts as use. */
  inUse: boolean
  /** "Why is it still running": what counts as use now, or what was seen last. */
  reasons: readonly IdleReason[]
  /** Stops after this long without use. Absent: never by itself. */
  timeoutMs?: number
  /** When it will stop if nothing happens. */
  stopsAtMs?: number
  /** True once the warning is due. */
  warned: boolean
  /** "Keep it running" holds the stop off until then. */
  keepUntilMs?: number
}

/** Something that counts as use of a server. */
export interface IdleReason {
  /** One sentence. */
  text: string
  /** When it was; now for what goes on. */
  atMs: number
}

/** `POST /api/v1/servers/:user/:server/keep-running`. */
export interface KeepRunningRequest {
  /** How long from now; default the profile's idle time-out. */
  forMs?: number
}
