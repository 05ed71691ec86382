import type { Clock } from './clock.ts'

/** Notices when the wall clock was set, or went on while the machine slept: durations that reach over that moment are wrong. */
export interface ClockWatch {
  /** Call it now and then. Answers when, by the wall clock as it is now, the last setting was noticed; undefined: none so far. */
  look(): number | undefined
}

/** Corrections by less than this are the everyday work of keeping time. */
const toleranceMs = 30_000

export function createClockWatch(clock: Clock): ClockWatch {
  let offsetMs = clock.now() - clock.monotonic()
  let setAtMs: number | undefined
  return {
    look() {
      const nowMs = clock.now()
      const nowOffsetMs = nowMs - clock.monotonic()
      if (Math.abs(nowOffsetMs - offsetMs) > toleranceMs) setAtMs = nowMs
      offsetMs = nowOffsetMs
      return setAtMs
    },
  }
}
