import type { ChildProcess } from 'node:child_process'

/** The one line that an edge process writes to its standard output. */
export type ReadyLine =
  | { ready: { pid: number; port: number } }
  | { error: { code: string; message: string } }

/** An edge process did not come up. */
export class EdgeStartError extends Error {
  override readonly name = 'EdgeStartError'
  /** The system's code (`EADDRINUSE`, `EACCES`), or `EXIT`, `TIMEOUT`. */
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** Waits for a started edge to say that it serves. A process that does not is killed; rejects with `EdgeStartError`. */
export async function waitForReadyLine(
  child: ChildProcess,
  withinMs: number,
): Promise<{ pid: number; port: number }> {
  const line = await new Promise<ReadyLine>((resolve) => {
    let text = ''
    const timer = setTimeout(
      () => resolve(failure('TIMEOUT', `the edge did not start within ${withinMs} ms`)),
      withinMs,
    )
    const settle = (value: ReadyLine) => {
      clearTimeout(timer)
      resolve(value)
    }
    child.on('error', (error) => settle(failure('EXIT', error.message)))
    child.on('exit', (code, signal) =>
      settle(failure('EXIT', `the edge ended at its start (${signal ?? code})`)),
    )
    child.stdout?.on('data', (piece: Buffer) => {
      text += piece.toString()
      if (text.includes('\n')) settle(JSON.parse(text) as ReadyLine)
    })
  })
  child.stdout?.destroy()
  if ('ready' in line) return line.ready
  child.kill('SIGKILL')
  throw new EdgeStartError(line.error.code, line.error.message)
}

function failure(code: string, message: string): ReadyLine {
  return { error: { code, message } }
}
