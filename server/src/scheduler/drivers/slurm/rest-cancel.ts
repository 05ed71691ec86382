import { checkAnswer, explainErrors, isGone, readErrors } from './rest-answer.ts'
import type { RestQuestion, RestSession } from './rest-session.ts'
import type { RestAnswer } from './rest-transport.ts'
import { isModern } from './rest-version.ts'

/** Cancellations under way at a time, where there is none in bulk. */
const atOnce = 4

type Delete = (path: string, body?: object) => Promise<RestAnswer>

/** Ends jobs of one login; absent and ended ones are no error. */
export async function cancelByRest(
  session: RestSession,
  refs: readonly string[],
  { how, login, signal }: { how: 'end' | 'kill'; login: string; signal: AbortSignal },
): Promise<void> {
  if (refs.length === 0) return
  const question: RestQuestion = { method: 'DELETE', login, signal }
  const remove: Delete = async (path, body) => {
    const answer = await session.send('slurm', path, body === undefined ? question : { ...question, body })
    checkGone(answer, session.hint)
    return answer
  }
  if (!isModern(await session.version(signal))) return await cancelEach(refs, remove)
  // The batch script at once, which would have KillWait otherwise, and then what is left.
  if (how === 'kill') await remove('jobs/', { jobs: refs, signal: 'KILL', flags: ['BATCH_JOB'] })
  await remove('jobs/', { jobs: refs })
}

/** These versions know no kill at once: it is an end, after which Slurm kills in KillWait seconds. */
async function cancelEach(refs: readonly string[], remove: Delete): Promise<void> {
  const waiting = [...refs]
  const work = async () => {
    for (let ref = waiting.shift(); ref !== undefined; ref = waiting.shift()) await remove(`job/${ref}`)
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, refs.length) }, work))
}

function checkGone(answer: RestAnswer, hint: string): void {
  const errors = readErrors(answer.json)
  const left = errors.filter((error) => !isGone(error))
  if (errors.length > 0 && left.length === 0) return
  if (left.length > 0) throw explainErrors(left, hint)
  checkAnswer(answer, hint)
}
