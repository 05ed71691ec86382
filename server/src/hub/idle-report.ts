/** A kernel as the last look saw it. */
export interface KernelUse {
  id: string
  /** `python3`. */
  name: string
  /** Jupyter's: `idle`, `busy`, `starting`, ... */
  state: string
  lastActivityMs: number
  /** Open notebooks and consoles. Shown, and no use by itself. */
  connections: number
}

/** A terminal as the last look saw it. */
export interface TerminalUse {
  name: string
  lastActivityMs: number
}

/** CPU time of the whole job, and what it made of the time since the look before. */
export interface CpuUse {
  atMs: number
  totalSeconds: number
  /** Mean since the look before; absent at the first. */
  cores?: number
}

/** What counts as use, newest first. */
export interface UseSign {
  kind: 'kernel' | 'terminal' | 'websocket' | 'cpu' | 'start' | 'kept' | 'clock'
  /** When it was, or is: now for what goes on. */
  atMs: number
  /** One sentence for people. */
  text: string
}

/** What is kept of the last look at a server: "why is it still running", and where the next look goes on from. */
export interface IdleReport {
  atMs: number
  /** The server told of its kernels and terminals. False: these are from an earlier look. */
  answered: boolean
  /** When it last answered. */
  answeredAtMs: number
  kernels: readonly KernelUse[]
  terminals: readonly TerminalUse[]
  cpu?: CpuUse
  /** When the job last used more CPU than its profile's threshold. */
  cpuBusyAtMs?: number
  /** When a client last sent a websocket message. */
  messageAtMs?: number
  /** When the machine's clock was last set: counts as use, since how long the server was not used before is unknown. */
  clockSetAtMs?: number
  /** Use ended then; the time without use counts from here. */
  lastUseMs: number
  signs: readonly UseSign[]
}

/** Reads what `servers.idle_report` holds; undefined when there is none or an older version wrote it. */
export function parseIdleReport(text: string | null): IdleReport | undefined {
  if (text === null) return undefined
  const report: unknown = JSON.parse(text)
  const isOne = typeof report === 'object' && report !== null && 'lastUseMs' in report && 'signs' in report
  // Written by this program alone.
  return isOne ? (report as IdleReport) : undefined
}
