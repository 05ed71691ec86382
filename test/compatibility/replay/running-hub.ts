/** A hub of the site that answers: the real JupyterHub or Atrium. */
export interface RunningHub {
  /** `http://127.0.0.1:PORT`, its public door. */
  baseUrl: string
  /** Servers wait for files in this folder: `../reference/server.py`. */
  gates: string
  /** What it wrote so far. */
  readLog(): string
  /** Ends it, its servers and its helpers, and removes its folder. */
  stop(): Promise<void>
}

/** A program that can be asked the corpus. */
export interface HubProgram {
  name: string
  start(): Promise<RunningHub>
}

/** The log's last lines, for a failed test. */
export function readLastLines(log: string, count: number): string {
  return log.split('\n').slice(-count).join('\n')
}
