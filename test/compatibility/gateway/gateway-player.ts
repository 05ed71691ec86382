import { setTimeout as delay } from 'node:timers/promises'

import type { Step } from '../corpus/step.ts'
import { createCaptured, findValue } from '../replay/captured.ts'
import { exchange } from '../replay/http-exchange.ts'
import { normaliseAnswer } from '../replay/normalise.ts'
import { buildQuestion } from '../replay/question.ts'
import { parseAnswer, type RecordedAnswer } from '../replay/recorded-answer.ts'

/** A gateway of the site that answers: the real one or Atrium's. */
export interface RunningGateway {
  /** `http://127.0.0.1:PORT` */
  baseUrl: string
  /** By the user's name. */
  tokens: Readonly<Record<string, string>>
  readLog(): string
  stop(): Promise<void>
}

const repeatEveryMs = 200
const repeatForMs = 120_000

/** Asks the steps of one chapter. What it answers is what is compared. */
export function createGatewayPlayer(gateway: RunningGateway): (step: Step) => Promise<RecordedAnswer> {
  const captured = createCaptured()
  const ask = async (step: Step) => {
    const token = findToken(gateway, step)
    const authorization = token === undefined ? {} : { authorization: `jupyterhub ${token}` }
    const asked = { ...step, headers: { ...authorization, ...step.headers } }
    return exchange(
      gateway.baseUrl,
      buildQuestion(asked, { token: undefined, jar: undefined, fill: captured.fill }),
    )
  }
  return async (step) => {
    const deadlineMs = performance.now() + repeatForMs
    for (;;) {
      const answer = await ask(step)
      const parsed = parseAnswer(answer)
      const isThere = step.until === undefined || findValue(parsed, step.until.field) === step.until.equals
      if (!isThere && performance.now() < deadlineMs) {
        await delay(repeatEveryMs)
        continue
      }
      captured.takeFrom(parsed, step.capture ?? {})
      const known = { origin: gateway.baseUrl, captured: captured.values }
      return normaliseAnswer({ ...parsed, body: replaceVolatile(parsed.body) }, step, known)
    }
  }
}

function findToken({ tokens }: RunningGateway, { as = 'anonymous' }: Step): string | undefined {
  return as === 'bad token' ? '0123456789abcdef0123456789abcdef' : tokens[as]
}

/** Times and keys stand for themselves when they look like ones. */
function replaceVolatile(value: unknown): unknown {
  if (typeof value === 'string')
    return /^-----BEGIN [\s\S]+ -----END|^-----BEGIN /.test(value) ? '<PEM>' : value
  if (Array.isArray(value)) return value.map(replaceVolatile)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      const isTime = /^(start|stop)_time$/.test(key) && typeof item === 'number' && item > 1_600_000_000_000
      return [key, isTime ? '<time>' : replaceVolatile(item)]
    }),
  )
}
