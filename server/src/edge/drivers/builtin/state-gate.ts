/** Holds requests of an edge that just started until it has learnt where they lead. */
export interface StateGate {
  /** Calls back at once when the gate is open, or as soon as it opens, or after its time. */
  whenOpen(callback: () => void): void
  /** Lets everybody through from now on. */
  open(): void
}

/** Creates a closed gate. Whoever has waited `holdMs` goes through and finds no routes. */
export function createStateGate({ holdMs }: { holdMs: number }): StateGate {
  let isOpen = false
  const waiting = new Set<() => void>()
  return {
    whenOpen(callback) {
      if (isOpen) {
        callback()
        return
      }
      const timer = setTimeout(pass, holdMs)
      function pass() {
        clearTimeout(timer)
        waiting.delete(pass)
        callback()
      }
      waiting.add(pass)
    },
    open() {
      isOpen = true
      for (const pass of [...waiting]) pass()
    },
  }
}
