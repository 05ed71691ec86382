import type { JobKey } from '#scheduler/job.ts'

type Listener = (keys: readonly JobKey[]) => void

/**
 * Says when a job is worth a look. Slurm tells nobody of changes; but jobs report their start, ports and end themselves, and after we asked
 * for something its effect is looked for a few times, less and less often. Asking regularly is the safety net.
 */
export interface Hints {
  subscribe(listener: Listener): () => void
  /** Something was heard of these jobs. */
  tell(keys: readonly JobKey[]): void
  /** An effect on these jobs is expected: until `settle`, or until nothing more is expected. */
  expect(keys: readonly JobKey[], pacesMs: readonly number[]): void
  /** What was expected of this job has happened. */
  settle(key: JobKey): void
  close(): void
}

/** After a submission: what a busy Slurm first says of a job changes within seconds. */
export const submittedPacesMs: readonly number[] = [300, 700, 2000, 3000]
/** After a job has fetched what it is to run: its ports come as a rule before that, and are worth the look. Then the same for those that come to nothing. */
export const startedPacesMs: readonly number[] = [400, 2000]
/** After a job's program ended or was asked to: Slurm clears away what is left, in a tenth of a second or, by force, after KillWait. */
export const endingPacesMs: readonly number[] = [
  50, 100, 150, 200, 250, 250, 500, 500, 1000, 1000, 2000, 2000, 5000, 5000, 10_000,
]

interface Expectation {
  pacesMs: readonly number[]
  next: number
}

export function createHints(): Hints {
  const listeners = new Set<Listener>()
  const expected = new Map<JobKey, Expectation>()
  const timers = new Set<NodeJS.Timeout>()

  const tell = (keys: readonly JobKey[]) => {
    if (keys.length > 0) for (const listener of listeners) listener(keys)
  }

  const plan = (keys: readonly JobKey[], delayMs: number) => {
    const timer = setTimeout(() => {
      timers.delete(timer)
      fire(keys)
    }, delayMs)
    timer.unref()
    timers.add(timer)
  }

  const fire = (keys: readonly JobKey[]) => {
    const due = keys.filter((key) => expected.has(key))
    const later = new Map<number, JobKey[]>()
    for (const key of due) {
      const expectation = expected.get(key)
      const delayMs = expectation?.pacesMs[expectation.next]
      if (expectation === undefined || delayMs === undefined) expected.delete(key)
      else {
        expectation.next += 1
        later.set(delayMs, [...(later.get(delayMs) ?? []), key])
      }
    }
    for (const [delayMs, group] of later) plan(group, delayMs)
    tell(due)
  }

  return {
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    tell,
    expect(keys, pacesMs) {
      const [firstMs] = pacesMs
      if (firstMs === undefined || keys.length === 0) return
      for (const key of keys) expected.set(key, { pacesMs, next: 1 })
      plan(keys, firstMs)
    },
    settle: (key) => {
      expected.delete(key)
    },
    close() {
      for (const timer of timers) clearTimeout(timer)
      timers.clear()
      listeners.clear()
    },
  }
}
