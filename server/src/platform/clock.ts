/** Time as policy code sees it; tests pass a fake. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch: for stored times. It can jump. */
  now(): number
  /** Milliseconds that only grow, from an arbitrary start: for durations. */
  monotonic(): number
  /** Resolves after `ms`, or rejects with the signal's reason. */
  sleep(ms: number, options?: { signal?: AbortSignal }): Promise<void>
}

/** The machine's own time. */
export const systemClock: Clock = {
  now: Date.now,
  monotonic: () => performance.now(),
  sleep(ms, { signal } = {}) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason)
        return
      }
      const onAbort = () => {
        clearTimeout(timer)
        reject(signal?.reason)
      }
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }, ms)
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  },
}
