import type { Clock } from './clock.ts'

/** Asks once for all who ask within this time; the first one's options count. An answer that failed is not kept. */
export function keepFor<Options, T>(
  ageMs: number,
  clock: Pick<Clock, 'monotonic'>,
  read: (options: Options) => Promise<T>,
): (options: Options) => Promise<T> {
  let kept: { value: Promise<T>; untilMs: number } | undefined
  return (options) => {
    if (kept !== undefined && clock.monotonic() < kept.untilMs) return kept.value
    const value = read(options)
    const mine = { value, untilMs: clock.monotonic() + ageMs }
    kept = mine
    value.catch(() => {
      if (kept === mine) kept = undefined
    })
    return value
  }
}
