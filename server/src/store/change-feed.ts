import type { Change } from './store.ts'

/** Passes committed changes to this replica's listeners. */
export interface ChangeFeed {
  emit(changes: readonly Change[]): void
  listen(listener: (changes: readonly Change[]) => void): () => void
}

/** A listener that throws does not keep the others from hearing; its error goes to `onError`. */
export function createChangeFeed(onError: (error: unknown) => void): ChangeFeed {
  const listeners = new Set<(changes: readonly Change[]) => void>()
  return {
    emit(changes) {
      if (changes.length === 0) return
      for (const listener of listeners) {
        try {
          listener(changes)
        } catch (error) {
          onError(error)
        }
      }
    },
    listen(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
