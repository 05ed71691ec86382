/** Pauses that grow while something goes on failing. */
export interface Backoff {
  /** The pause before the next try, in milliseconds: doubles from `baseMs` to `maxMs`, half of it random, so that many do not come back together. */
  next(): number
  /** It worked: the next failure starts small. */
  reset(): void
  /** Failures since it last worked. */
  readonly failures: number
}

export interface BackoffOptions {
  baseMs: number
  maxMs: number
  /** From 0 to 1. Default `Math.random`. */
  random?: () => number
}

export function createBackoff({ baseMs, maxMs, random = Math.random }: BackoffOptions): Backoff {
  let failures = 0
  return {
    next() {
      const delayMs = buildBackoff(failures, { baseMs, maxMs, random })
      failures++
      return delayMs
    },
    reset() {
      failures = 0
    },
    get failures() {
      return failures
    },
  }
}

/** The pause after this many failures before (0: the first). */
export function buildBackoff(
  failures: number,
  { baseMs, maxMs, random = Math.random }: BackoffOptions,
): number {
  const fullMs = Math.min(maxMs, baseMs * 2 ** Math.min(failures, 30))
  return fullMs / 2 + (random() * fullMs) / 2
}
