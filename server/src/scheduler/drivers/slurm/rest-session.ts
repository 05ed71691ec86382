import { checkAnswer } from './rest-answer.ts'
import { RestFailure } from './rest-failure.ts'
import type { RestTokens } from './rest-token.ts'
import type { RestAnswer, RestRequest, RestTransport } from './rest-transport.ts'
import { findRestVersion, listOffered, type RestVersion } from './rest-version.ts'
import { SlurmRefusal } from './slurm-client.ts'

export interface RestSessionOptions {
  transport: RestTransport
  tokens: RestTokens
  /** Who looks at the queue. Where PrivateData hides jobs, an operator. */
  reader: string
}

export interface RestQuestion {
  method?: RestRequest['method']
  /** On whose behalf; absent: the reader's. */
  login?: string
  body?: object
  /** It changes something: it is made once only, unless the token was turned away at the door. */
  isChange?: boolean
  signal: AbortSignal
}

/** Questions to one slurmrestd, in a version that both know. Paths are those below the version: `jobs`. */
export interface RestSession {
  hint: string
  /** Found by asking, once. */
  version(signal: AbortSignal): Promise<RestVersion>
  /** The answer as it is, errors too. */
  send(part: 'slurm' | 'slurmdb', path: string, question: RestQuestion): Promise<RestAnswer>
  /** The answer's content. Throws for one that is none: see `checkAnswer`. */
  ask(part: 'slurm' | 'slurmdb', path: string, question: RestQuestion): Promise<unknown>
}

export function createRestSession({ transport, tokens, reader }: RestSessionOptions): RestSession {
  const { hint } = tokens
  let known: RestVersion | undefined

  async function request(path: string, question: RestQuestion): Promise<RestAnswer> {
    const { method = 'GET', login = reader, isChange = false, ...rest } = question
    const attempt = async (fresh: boolean) =>
      await transport({ method, path, headers: await tokens.headersFor(login, { fresh }), ...rest })
    const first = await attempt(false)
    const trouble = findTrouble(first, hint)
    if (!(trouble instanceof RestFailure) || !trouble.isTokenTrouble) return first
    return isChange && trouble.mayHaveArrived ? first : await attempt(true)
  }

  async function version(signal: AbortSignal): Promise<RestVersion> {
    if (known !== undefined) return known
    const answer = await request('/openapi/v3', { signal })
    checkAnswer(answer, hint)
    known = findRestVersion(answer.json)
    if (known !== undefined) return known
    const why = `it offers ${listOffered(answer.json)}, of which none is known here`
    throw new RestFailure(why, { mayHaveArrived: false })
  }

  async function send(part: 'slurm' | 'slurmdb', path: string, question: RestQuestion): Promise<RestAnswer> {
    const { number } = await version(question.signal)
    const answer = await request(`/${part}/v0.0.${number}/${path}`, question)
    // Another version runs since it was asked.
    if (answer.status === 404 && answer.json === undefined) known = undefined
    return answer
  }

  async function ask(part: 'slurm' | 'slurmdb', path: string, question: RestQuestion): Promise<unknown> {
    const answer = await send(part, path, question)
    const trouble = findTrouble(answer, hint)
    // A question that is refused is our mistake, or its: the commands may know.
    if (trouble instanceof SlurmRefusal)
      throw new RestFailure(trouble.message, { mayHaveArrived: false, isForThisOnly: true })
    if (trouble !== undefined) throw trouble
    return answer.json
  }

  return { hint, version, send, ask }
}

function findTrouble(answer: RestAnswer, hint: string): unknown {
  try {
    checkAnswer(answer, hint)
    return undefined
  } catch (error) {
    return error
  }
}
