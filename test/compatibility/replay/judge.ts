import { isDeepStrictEqual } from 'node:util'

import type { Chapter, Step } from '../corpus/step.ts'
import { anything, type WantedDifference } from '../differences/wanted-difference.ts'
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
  const rules = wanted.flatMap(buildRules)
  return {
    judge(chapter, step, reference, seen) {
      const place = `${chapter.name}/${step.name}`
      return compareAnswers(reference, seen).filter((difference) => {
        const fitting = rules.filter((rule) => rule.covers(place, difference))
        for (const { entry } of fitting) used.add(entry)
        return fitting.length === 0
      })
    },
    listUnused: () => wanted.filter((entry) => !used.has(entry)),
  }
}

/** One field of one entry. */
interface Rule {
  entry: WantedDifference
  covers(place: string, difference: Difference): boolean
}

function buildRules(entry: WantedDifference): readonly Rule[] {
  const places = entry.steps.map(buildPattern)
  return Object.entries(entry.fields).map(([name, seen]) => {
    const field = buildPattern(name)
    return {
      entry,
      covers: (place, difference) =>
        field.test(difference.field) &&
        places.some((pattern) => pattern.test(place)) &&
        isLike(seen, difference.seen) &&
        (!('reference' in entry) || isLike(entry.reference, difference.reference)),
    }
  })
}

function isLike(expected: unknown, value: unknown): boolean {
  if (expected === anything) return true
  if (expected instanceof RegExp) return typeof value === 'string' && expected.test(value)
  return isDeepStrictEqual(expected, value)
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
