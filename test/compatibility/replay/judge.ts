import { isDeepStrictEqual } from 'node:util'

import type { Chapter, Step } from '../corpus/step.ts'
import type { WantedDifference } from '../differences/wanted-difference.ts'
import { compareAnswers, type Difference } from './compare.ts'
import type { RecordedAnswer } from './recorded-answer.ts'

/** Tells differences that are wanted from those that are not, and remembers which entries were ever needed. */
export interface Judge {
  /** The differences nobody wanted. */
  judge(chapter: Chapter, step: Step, reference: RecordedAnswer, seen: RecordedAnswer): readonly Difference[]
  /** Entries that no answer has shown so far. */
  listUnused(): readonly WantedDifference[]
}

export function createJudge(wanted: readonly WantedDifference[]): Judge {
  const used = new Set<WantedDifference>()
  const entries = wanted.map((entry) => ({
    entry,
    steps: entry.steps.map(buildPattern),
    fields: entry.fields.map(buildPattern),
  }))
  return {
    judge(chapter, step, reference, seen) {
      const place = `${chapter.name}/${step.name}`
      return compareAnswers(reference, seen).filter((difference) => {
        const fitting = entries.filter(
          ({ entry, steps, fields }) =>
            fields.some((pattern) => pattern.test(difference.field)) &&
            steps.some((pattern) => pattern.test(place)) &&
            fits(entry, difference),
        )
        for (const { entry } of fitting) used.add(entry)
        return fitting.length === 0
      })
    },
    listUnused: () => wanted.filter((entry) => !used.has(entry)),
  }
}

function fits(entry: WantedDifference, difference: Difference): boolean {
  return isLike(entry, 'reference', difference.reference) && isLike(entry, 'seen', difference.seen)
}

function isLike(entry: WantedDifference, side: 'reference' | 'seen', value: unknown): boolean {
  if (!(side in entry)) return true
  const expected = entry[side]
  return expected instanceof RegExp
    ? typeof value === 'string' && expected.test(value)
    : isDeepStrictEqual(expected, value)
}

/** `*` stands for anything, everything else for itself. */
function buildPattern(text: string): RegExp {
  const parts = text.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`, 's')
}

/** One line a difference, for a failed test. */
export function describeDifference({ field, kind, reference, seen }: Difference): string {
  if (kind === 'missing') return `${field} is missing: JupyterHub answers ${JSON.stringify(reference)}`
  if (kind === 'extra') return `${field} is extra: ${JSON.stringify(seen)}`
  return `${field} is ${JSON.stringify(seen)}: JupyterHub answers ${JSON.stringify(reference)}`
}
