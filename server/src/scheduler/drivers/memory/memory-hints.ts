import type { JobKey } from '#scheduler/job.ts'
import type { MemoryControls } from './memory-controls.ts'

/** Tells listeners of changed jobs, and wakes readers of output. */
export interface MemoryHints {
  tell(key: JobKey): void
  /** Output came: no hint, but readers go on. */
  wake(): void
  listen(listener: (keys: readonly JobKey[]) => void): () => void
  /** Resolves at the next `tell` or `wake`. */
  next(): Promise<void>
}

/** Collects the changes of one turn of the event loop into one hint, which `controls.hints` may lose or double. */
export function createMemoryHints(controls: MemoryControls): MemoryHints {
  const listeners = new Set<(keys: readonly JobKey[]) => void>()
  let changed = new Set<JobKey>()
  let waiters = Promise.withResolvers<void>()
  const wake = () => {
    waiters.resolve()
    waiters = Promise.withResolvers<void>()
  }
  const send = () => {
    const keys = [...changed]
    changed = new Set()
    if (controls.hints === 'never') return
    for (const listener of listeners) {
      listener(keys)
      if (controls.hints === 'twice') listener([...keys, 'nobody'])
    }
  }
  return {
    wake,
    tell(key) {
      if (changed.size === 0) setImmediate(send)
      changed.add(key)
      wake()
    },
    listen(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    next: () => waiters.promise,
  }
}
