import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import type { Chapter, Step } from '../corpus/step.ts'
import { createActors } from './actors.ts'
import { createCaptured, findValue } from './captured.ts'
import { type Answer, exchange } from './http-exchange.ts'
import { normaliseAnswer } from './normalise.ts'
import { buildQuestion } from './question.ts'
import { parseAnswer, type RecordedAnswer } from './recorded-answer.ts'
import type { RunningHub } from './running-hub.ts'

/** Asks the steps of one chapter of one freshly started hub. */
export interface Player {
  /** Gives everybody of the chapter what they ask with. Throws when that fails. */
  prepare(chapter: Chapter): Promise<void>
  /** Asks one step and answers what is compared. Throws when there is no answer at all. */
  play(step: Step): Promise<RecordedAnswer>
}

const repeatEveryMs = 50
const repeatForMs = 30_000

export function createPlayer(hub: RunningHub): Player {
  const captured = createCaptured()
  const actors = createActors(hub.baseUrl, captured)

  async function ask(step: Step): Promise<Answer> {
    const actor = step.as ?? 'anonymous'
    const jar = actors.findJar(actor)
    const token = actors.findToken(actor)
    const { opens, holds } = step
    if (holds !== undefined) closeGate(hub, holds)
    if (opens?.when === 'before') openGate(hub, opens.gate)
    const answer = await exchange(hub.baseUrl, {
      ...buildQuestion(step, { token, jar, fill: captured.fill }),
      ...(opens?.when === 'during' ? { onAnswerBegun: () => openGate(hub, opens.gate) } : {}),
    })
    jar?.store(answer.headers['set-cookie'] ?? [])
    return answer
  }

  return {
    prepare: actors.prepare,
    async play(step) {
      const answer = await askUntil(step, ask)
      captured.takeFrom(answer, step.capture ?? {})
      return normaliseAnswer(answer, step, { origin: hub.baseUrl, captured: captured.values })
    },
  }
}

/** Asks until the answer is the one waited for. When it does not come in time the last one counts, and will differ. */
async function askUntil(step: Step, ask: (step: Step) => Promise<Answer>): Promise<RecordedAnswer> {
  const deadlineMs = performance.now() + repeatForMs
  for (;;) {
    const answer = parseAnswer(await ask(step))
    const { until } = step
    if (until === undefined || findValue(answer, until.field) === until.equals) return answer
    if (performance.now() > deadlineMs) return answer
    await delay(repeatEveryMs)
  }
}

function closeGate(hub: RunningHub, gate: string): void {
  rmSync(join(hub.gates, gate), { force: true })
  writeFileSync(join(hub.gates, `${gate}.held`), '')
}

function openGate(hub: RunningHub, gate: string): void {
  writeFileSync(join(hub.gates, gate), '')
}
