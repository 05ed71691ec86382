import { PlatformError } from '@atrium/contract/errors.ts'

const partPattern = /^(\d{1,7})(?:-(\d{1,7})(?::(\d{1,7}))?)?$/

/**
 * The numbers of an array as Slurm writes them (`--array` of sbatch(1)): `1-100`, `0,2,4-10:2`; ascending, each once. Throws `bad_request`
 * for other text, for a range that ends before it begins, and for more than `most` numbers.
 */
export function parseArrayNumbers(text: string, most: number): readonly number[] {
  const numbers = new Set<number>()
  for (const part of text.split(',')) {
    const { first, last, step } = readPart(part)
    for (let number = first; number <= last; number += step) {
      numbers.add(number)
      if (numbers.size > most) throw refuse(`An array has at most ${most} jobs here.`)
    }
  }
  return [...numbers].sort((a, b) => a - b)
}

function readPart(part: string): { first: number; last: number; step: number } {
  const [matched, from, to = from, width = '1'] = partPattern.exec(part) ?? []
  if (matched === undefined) throw refuse(`“${part}” is no number and no range of numbers.`)
  const [first, last, step] = [Number(from), Number(to), Number(width)]
  if (step === 0) throw refuse(`The step of “${part}” is 0.`)
  if (last < first) throw refuse(`“${part}” ends before it begins.`)
  return { first, last, step }
}

function refuse(message: string): PlatformError {
  return new PlatformError('bad_request', { message: `array: ${message}` })
}
