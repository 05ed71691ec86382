import { isPlatformError } from '@atrium/contract/errors.ts'

import type { UnixAccounts } from '#identity/unix-accounts.ts'
import type { User } from '#identity/users.ts'
import type { Clock } from '#platform/clock.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import type { OwnerChoices } from '#scheduler/owner-choices.ts'

/** What the scheduler said of users, asked once a minute for each at most. */
export interface KnownChoices {
  /** Undefined where there is nothing to choose. What was known before stands in for a scheduler that does not answer. */
  find(user: User): Promise<OwnerChoices | { unchecked: string } | undefined>
}

interface Known {
  choices?: OwnerChoices | undefined
  why?: string
  untilMs: number
}

const goodMs = 60_000
/** A scheduler that does not answer is not waited for by everybody who opens a page. */
const badMs = 10_000
/** For the person who waits for a page. */
const patienceMs = 3000
/** Those who were here longest ago are asked about again. */
const mostUsers = 2000

/** See `KnownChoices`. */
export function createKnownChoices({
  jobs,
  accounts,
  clock,
}: {
  jobs: Pick<Jobs, 'choices'>
  accounts: UnixAccounts
  clock: Clock
}): KnownChoices {
  const asked = new Map<number, Promise<Known>>()
  const current = new Map<number, Known>()
  const ask = async (user: User): Promise<Known> => {
    try {
      const signal = AbortSignal.timeout(patienceMs)
      const choices = await jobs.choices(() => accounts.ensure(user), { signal })
      return { choices, untilMs: clock.monotonic() + goodMs }
    } catch (error) {
      const before = current.get(user.id)
      const untilMs = clock.monotonic() + badMs
      return before?.choices === undefined ? { why: explain(error), untilMs } : { ...before, untilMs }
    }
  }
  const remember = (id: number, known: Known) => {
    current.delete(id)
    current.set(id, known)
    const [oldest] = current.keys()
    if (current.size > mostUsers && oldest !== undefined) current.delete(oldest)
  }
  return {
    async find(user) {
      const { id } = user
      let known = current.get(id)
      if (known === undefined || known.untilMs <= clock.monotonic()) {
        const answer = asked.get(id) ?? ask(user)
        asked.set(id, answer)
        known = await answer
        asked.delete(id)
        remember(id, known)
      }
      return known.why === undefined ? known.choices : { unchecked: known.why }
    },
  }
}

/** Words of our own are for people; others' go to no page. */
function explain(error: unknown): string {
  return isPlatformError(error, 'conflict')
    ? error.message
    : 'The scheduler does not answer: it could not be asked which of these you may use.'
}
