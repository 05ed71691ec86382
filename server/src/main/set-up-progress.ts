import type { EnvironmentProgress } from '#environments/default-environment.ts'

/** A step that says nothing for this long gives a sign of life. */
const silenceMs = 10_000

/** Shows a set-up to somebody who waits for it. */
export interface SetUpProgress {
  show(progress: EnvironmentProgress): void
  /** No more signs of life. */
  close(): void
}

/** A line for every step, with the time since the first one; before it, what is done and how long it takes. */
export function createSetUpProgress({
  prefix,
  write,
}: {
  prefix: string
  write(line: string): void
}): SetUpProgress {
  const startedMs = performance.now()
  let lastMs: number | undefined
  let lastStep = ''
  const timer = setInterval(() => {
    if (lastMs !== undefined && performance.now() - lastMs >= silenceMs) say(`  still at it: ${lastStep}`)
  }, silenceMs / 2)
  timer.unref()
  return {
    show({ message, isDetail }) {
      if (lastMs === undefined) {
        write(
          `Making the notebook environment in ${prefix}: 0.7 GB, some minutes. If it is stopped, the next start goes on from there.`,
        )
      }
      if (!isDetail) lastStep = message
      say(isDetail ? `  ${message}` : message)
    },
    close: () => clearInterval(timer),
  }

  function say(text: string): void {
    lastMs = performance.now()
    write(`${formatElapsed(lastMs - startedMs)}  ${text}`)
  }
}

/** ` 1:05` */
export function formatElapsed(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`.padStart(5)
}
