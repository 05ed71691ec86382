/** Who is called with news of one kind. */
export type Listeners<T> = Set<(value: T) => void>

/** Adds a listener; the answer takes it away. */
export function subscribe<T>(listeners: Listeners<T>, listener: (value: T) => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function emit<T>(listeners: Listeners<T>, value: T): void {
  for (const listener of [...listeners]) listener(value)
}
