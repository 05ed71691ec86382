import { isObject } from './slurm-parse.ts'

/** Which version of slurmrestd's interface is spoken. They differ in how numbers and requests are written. */
export interface RestVersion {
  /** 38 for `v0.0.38`. */
  number: number
  /** There is an interface to slurmdbd in this version, too. */
  hasAccounting: boolean
}

/**
 * 0.0.39 and 0.0.40 are left out: in them the end of one task of an array ends the whole array. Whoever offers them offers one of these,
 * too (23.02: 0.0.38; 23.11: 0.0.38; 24.05: 0.0.41).
 */
const known = [36, 37, 38, 41, 42, 43, 44, 45, 46]
const unusable = [39, 40]

/** From here on numbers may be written as objects, environments are lists, and jobs are ended in bulk. */
export function isModern({ number }: RestVersion): boolean {
  return number > 38
}

/** The newest version that both sides know; of newer ones alone, the oldest. Undefined when there is none. */
export function findRestVersion(openapi: unknown): RestVersion | undefined {
  const paths = isObject(openapi) && isObject(openapi['paths']) ? Object.keys(openapi['paths']) : []
  const control = listVersions(paths, /^\/slurm\/v0\.0\.(\d+)\/jobs\/?$/)
  const accounting = listVersions(paths, /^\/slurmdb\/v0\.0\.(\d+)\/jobs\/?$/)
  const newest = Math.max(...known)
  const number =
    known.findLast((version) => control.includes(version)) ?? control.find((version) => version > newest)
  return number === undefined ? undefined : { number, hasAccounting: accounting.includes(number) }
}

/** `v0.0.39, v0.0.40`: for messages. */
export function listOffered(openapi: unknown): string {
  const paths = isObject(openapi) && isObject(openapi['paths']) ? Object.keys(openapi['paths']) : []
  const offered = listVersions(paths, /^\/slurm\/v0\.0\.(\d+)\//)
  const note = offered.some((version) => unusable.includes(version))
    ? ' (v0.0.39 and v0.0.40 cannot be used)'
    : ''
  return (offered.map((version) => `v0.0.${version}`).join(', ') || 'none') + note
}

function listVersions(paths: readonly string[], pattern: RegExp): number[] {
  const numbers = paths.flatMap((path) => {
    const [, number] = pattern.exec(path) ?? []
    return number === undefined ? [] : [Number(number)]
  })
  return [...new Set(numbers)].sort((a, b) => a - b)
}
