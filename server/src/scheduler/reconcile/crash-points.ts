/**
 * The moments of a start and a stop between which the program can die, in order. After a death at any of them the next reconciler must
 * come to the same end: one process or none, the record right, the quota right.
 */
export const crashPoints = [
  /** Wanted and recorded; nothing done. */
  'before-admit',
  /** Quota taken and recorded as `pending`; the scheduler knows nothing. */
  'before-submit',
  /** The scheduler has it; we do not know its handle. */
  'after-submit-before-store',
  /** The handle is recorded. */
  'after-store-handle',
  /** It was seen to have started; not recorded. */
  'before-store-start',
  /** It answered; not recorded. */
  'before-store-ready',
  /** The stop is recorded; the scheduler was not asked. */
  'before-cancel',
  /** The scheduler was asked to end it. */
  'after-cancel',
  /** It was seen to have ended; not recorded, quota still held. */
  'before-store-end',
  /** The end is recorded; nothing tidied up. */
  'after-store-end',
] as const

export type CrashPoint = (typeof crashPoints)[number]

/** Called as each point is passed. Fault tests die here; otherwise absent. */
export type ReachCrashPoint = (point: CrashPoint) => void | Promise<void>

/** For fault tests: ends this process by SIGKILL, which nothing can catch, when it passes `point` for the `count`th time. */
export function createKillAt(point: CrashPoint, count = 1): ReachCrashPoint {
  let passed = 0
  return (reached) => {
    if (reached !== point || ++passed < count) return
    process.kill(process.pid, 'SIGKILL')
    // The signal arrives at once, but not necessarily before the next statement.
    return new Promise(() => {})
  }
}

/** The crash point of this name, for main and config to check what they read; undefined when there is none. */
export function findCrashPoint(name: string): CrashPoint | undefined {
  return crashPoints.find((point) => point === name)
}
