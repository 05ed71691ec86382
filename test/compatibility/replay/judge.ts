import { isDeepStrictEqual } from 'node:util'

import type { Chapter, Step } from '../corpus/step.ts'
import { anything, type WantedDifference } from '../differences/wanted-difference.ts'
import { compareAnswers, type Difference } from './compare.ts'
import type { RecordedAnswer } from './recorded-answer.ts'

/** Tells differences that are wanted from those that are not, and remembers which entries were ever needed. */
export interface Judge {
  /** The differences nobody wanted. */
  judge(chapter: Chapter, step: Step, reference: RecordedAnswer, seen: RecordedAnswer): readonly Difference[]
  /** What no answer has shown so far: steps and fields of entries, `signing-in/*` or `status`, each with its entry's reason. */
  listUnused(): readonly string[]
}

export function createJudge(wanted: readonly WantedDifference[]): Judge {
  const rules = wanted.flatMap(buildRules)
  const used = new Set<string>()
  const nameUse = ({ reason }: WantedDifference, part: string) => `${part}: ${reason}`
  return {
    judge(chapter, step, reference, seen) {
      const place = `${chapter.name}/${step.name}`
      return compareAnswers(reference, seen).filter((difference) => {
        const fitting = rules.filter((rule) => rule.covers(place, difference))
        for (const { entry, step: pattern, field } of fitting)
          for (const part of [pattern, field]) used.add(nameUse(entry, part))
        return fitting.length === 0
      })
    },
    listUnused: () =>
      wanted
        .flatMap((entry) =>
          [...entry.steps, ...Object.keys(entry.fields)].map((part) => nameUse(entry, part)),
        )
        .filter((use) => !used.has(use)),
  }
}

/** One field of one entry at one of its steps. */
interface Rule {
  entry: WantedDifference
  step: string
  field: string
  covers(place: string, difference: Difference): boolean
}

function buildRules(entry: WantedDifference): readonly Rule[] {
  return entry.steps.flatMap((step) => {
    const place = buildPattern(step)
    return Object.entries(entry.fields).map(([field, seen]) => {
      const pattern = buildPattern(field)
      return {
        entry,
        step,
        field,
        covers: (at: string, difference: Difference) =>
          pattern.test(difference.field) &&
          place.test(at) &&
          isLike(seen, difference.seen) &&
          (!('reference' in entry) || isLike(entry.reference, difference.reference)),
      }
    })
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
export function describeDifference(
  { field, kind, reference, seen }: Difference,
  program: string = 'JupyterHub',
): string {
  if (kind === 'missing') return `${field} is missing: ${program} answers ${JSON.stringify(reference)}`
  if (kind === 'extra') return `${field} is extra: ${JSON.stringify(seen)}`
  return `${field} is ${JSON.stringify(seen)}: ${program} answers ${JSON.stringify(reference)}`
}
