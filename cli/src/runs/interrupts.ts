import { constants } from 'node:os'

/** Ctrl-C and its like while a run is followed. */
export interface Interrupts {
  /** Aborts when nothing is to be waited for any more. */
  readonly signal: AbortSignal
  close(): void
}

/** A terminal's Ctrl-C can reach a program twice: from it, and from a program around it that passes it on. */
const sameKeystrokeMs = 300
const handled = ['SIGINT', 'SIGTERM'] as const

/** The first cancels the run and waits for its end, the second leaves at once. */
export function cancelOnSignals(
  notify: (message: string) => void,
  run: number,
  cancel: () => Promise<unknown>,
): Interrupts {
  const leave = new AbortController()
  let cancelledAtMs: number | undefined
  const onSignal = (name: (typeof handled)[number]) => {
    const nowMs = performance.now()
    if (cancelledAtMs === undefined) {
      cancelledAtMs = nowMs
      notify(`Cancelling run ${run}. Once more leaves at once.`)
      cancel().catch((error: unknown) => notify(`Run ${run} could not be cancelled: ${describe(error)}`))
    } else if (nowMs - cancelledAtMs > sameKeystrokeMs) process.exit(128 + constants.signals[name])
  }
  const listeners = handled.map((name) => {
    const listener = () => onSignal(name)
    process.on(name, listener)
    return () => process.off(name, listener)
  })
  return {
    signal: leave.signal,
    close() {
      for (const stop of listeners) stop()
    },
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
