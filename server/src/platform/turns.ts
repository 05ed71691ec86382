/** Work that is done a few at a time. */
export interface Turns {
  /** Does the work when its turn has come, in the order of the calls. Undefined, at once and undone: too many wait already. */
  take<Result>(work: () => Promise<Result>): Promise<Result> | undefined
}

/** `atOnce`: how many are done at the same time. `mostWaiting`: how many more may wait. */
export function createTurns({ atOnce, mostWaiting }: { atOnce: number; mostWaiting: number }): Turns {
  const waiting: (() => void)[] = []
  let running = 0

  async function run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (running >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve))
    else running += 1
    try {
      return await work()
    } finally {
      // Who waits longest takes the place over, so that nobody who comes now gets in between.
      const next = waiting.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }

  return {
    take: (work) => (running >= atOnce && waiting.length >= mostWaiting ? undefined : run(work)),
  }
}
