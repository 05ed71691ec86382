import type { Clock } from './clock.ts'

/** Time that stands still until a test moves it. */
export interface FakeClock extends Clock {
  /** Lets `ms` pass on both clocks, waking sleepers in order, each with its consequences before the next. */
  advance(ms: number): Promise<void>
  /** Sets the wall clock forward or back without time passing, as an administrator or NTP does. */
  jump(ms: number): void
  /** How many sleep now. */
  readonly sleepers: number
}

interface Sleeper {
  dueMs: number
  wake(): void
}

/** A clock that starts at `startMs` (wall clock) and 0 (monotonic). */
export function createFakeClock(startMs = Date.UTC(2030, 0, 1)): FakeClock {
  let elapsedMs = 0
  let wallOffsetMs = startMs
  const sleepers = new Set<Sleeper>()
  const findNext = (untilMs: number) => {
    let next: Sleeper | undefined
    for (const sleeper of sleepers) {
      if (sleeper.dueMs <= untilMs && (next === undefined || sleeper.dueMs < next.dueMs)) next = sleeper
    }
    return next
  }
  return {
    now: () => Math.floor(wallOffsetMs + elapsedMs),
    monotonic: () => elapsedMs,
    get sleepers() {
      return sleepers.size
    },
    jump(ms) {
      wallOffsetMs += ms
    },
    sleep(ms, { signal } = {}) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(signal.reason)
          return
        }
        const onAbort = () => {
          sleepers.delete(sleeper)
          reject(signal?.reason)
        }
        const sleeper: Sleeper = {
          dueMs: elapsedMs + ms,
          wake: () => {
            sleepers.delete(sleeper)
            signal?.removeEventListener('abort', onAbort)
            resolve()
          },
        }
        sleepers.add(sleeper)
        signal?.addEventListener('abort', onAbort, { once: true })
      })
    },
    async advance(ms) {
      const untilMs = elapsedMs + ms
      for (let next = findNext(untilMs); next !== undefined; next = findNext(untilMs)) {
        elapsedMs = Math.max(elapsedMs, next.dueMs)
        next.wake()
        await settle()
      }
      elapsedMs = untilMs
    },
  }
}

/** Lets what a wake-up set off run: promises, immediates and what those start. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}
