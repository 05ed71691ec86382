/** Polls until `condition` gives something truthy and answers it. For tests and start-up; throws with `what` at the deadline. */
export async function waitFor<T>(
  what: string,
  condition: () => T | Promise<T>,
  { deadlineMs = 20_000, everyMs = 10 }: { deadlineMs?: number; everyMs?: number } = {},
): Promise<Exclude<T, undefined | null | false | 0 | ''>> {
  const end = performance.now() + deadlineMs
  for (;;) {
    const value = await condition()
    if (value) return value as Exclude<T, undefined | null | false | 0 | ''>
    if (performance.now() > end) throw new Error(`waited ${deadlineMs} ms in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}
