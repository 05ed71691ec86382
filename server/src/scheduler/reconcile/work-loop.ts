import type { Clock } from '#platform/clock.ts'

/** Something that is done again and again, and at once when woken. */
export interface WorkLoop {
  /** Does a step as soon as the present one has ended; many calls are one. */
  wake(): void
  /** Resolves once the loop has ended. */
  readonly done: Promise<void>
}

interface WorkLoopOptions {
  clock: Clock
  signal: AbortSignal
  /** Does what there is to do and answers after how many milliseconds the next step comes by itself. Must not throw. */
  step(): Promise<number>
}

/** Runs `step` one at a time until `signal` aborts. */
export function startWorkLoop({ clock, signal, step }: WorkLoopOptions): WorkLoop {
  let isWoken = false
  let interrupt: AbortController | undefined

  const wait = async (delayMs: number) => {
    if (isWoken || signal.aborted) return
    interrupt = new AbortController()
    await clock.sleep(delayMs, { signal: AbortSignal.any([signal, interrupt.signal]) }).catch(() => {})
    interrupt = undefined
  }

  const run = async () => {
    while (!signal.aborted) {
      isWoken = false
      await wait(await step())
    }
  }

  return {
    wake() {
      isWoken = true
      interrupt?.abort()
    },
    done: run(),
  }
}
