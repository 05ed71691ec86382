import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Chapter, Step } from '../corpus/step.ts'
import type { RecordedAnswer } from './recorded-answer.ts'

/** One chapter's answers as they are kept in `recorded/`. */
export interface Recording {
  /** The version that answered. */
  jupyterhub: string
  steps: Readonly<Record<string, RecordedStep>>
}

export interface RecordedStep extends RecordedAnswer {
  /** Who asked what: a recording of another question is told from one of this. */
  asked: string
}

const folder = join(import.meta.dirname, '../recorded')

/** Says in one line who asks what. */
export function describeQuestion({ as, request, headers, json, form, body, xsrf }: Step): string {
  const extras = [headers, json, form, body, xsrf].filter((part) => part !== undefined)
  return [as ?? 'anonymous', request, ...extras.map((part) => JSON.stringify(part))].join(' ')
}

export function readRecording(chapter: Chapter): Recording {
  return JSON.parse(readFileSync(join(folder, `${chapter.name}.json`), 'utf8')) as Recording
}

/** Writes one line a step, so that a changed answer is one changed line. */
export function writeRecording(chapter: Chapter, { jupyterhub, steps }: Recording): void {
  const lines = Object.entries(steps).map(
    ([name, step]) => `${JSON.stringify(name)}: ${JSON.stringify(step)}`,
  )
  const text = `{"jupyterhub": ${JSON.stringify(jupyterhub)}, "steps": {\n${lines.join(',\n')}\n}}\n`
  writeFileSync(join(folder, `${chapter.name}.json`), text)
}
