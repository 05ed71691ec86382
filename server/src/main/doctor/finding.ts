/** What the doctor found: `warning` works but could be better or safer; `problem` will keep users from working. */
export interface Finding {
  /** What was looked at, in a word or two: `munge`, `partition main`. */
  check: string
  status: 'ok' | 'warning' | 'problem'
  /** What was seen. */
  text: string
  /** What to do about it. */
  mend?: string
}

export function ok(check: string, text: string): Finding {
  return { check, status: 'ok', text }
}

export function warn(check: string, text: string, mend: string): Finding {
  return { check, status: 'warning', text, mend }
}

export function problem(check: string, text: string, mend: string): Finding {
  return { check, status: 'problem', text, mend }
}

/** A check that threw is a finding too: what it says is what there is to know. */
export async function attempt(
  check: string,
  mend: string,
  look: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await look()
  } catch (error) {
    return [problem(check, error instanceof Error ? error.message : String(error), mend)]
  }
}
