import { PlatformError } from '@atrium/contract/errors.ts'

const longestName = 255

/**
 * Letters, digits and marks of any writing, and what log-ins and e-mail addresses have besides. A name begins with none of the punctuation that
 * a command line or a path could take for something else.
 */
const userNamePattern = /^[\p{L}\p{N}_][\p{L}\p{M}\p{N} ._~@+:=-]*$/u

/** Writings whose letters look alike: a name keeps to one of them. */
const lookalikeScripts = [
  /\p{Script=Latin}/u,
  /\p{Script=Cyrillic}/u,
  /\p{Script=Greek}/u,
  /\p{Script=Armenian}/u,
  /\p{Script=Cherokee}/u,
  /\p{Script=Coptic}/u,
  /\p{Script=Lisu}/u,
]

/** The one spelling of a user's name: lower case, compatibility forms (full-width letters, ligatures) taken apart. */
export function normaliseUserName(name: string): string {
  // Lower-casing can make a form that composes again.
  return name.normalize('NFKC').toLowerCase().normalize('NFKC')
}

/** True for what a normalised name may be: it fits into paths, URLs and logs, and is not made to be taken for another. */
export function isUserName(name: string): boolean {
  return (
    name.length <= longestName &&
    userNamePattern.test(name) &&
    !/ $| {2}|\p{Default_Ignorable_Code_Point}/u.test(name) &&
    name === normaliseUserName(name) &&
    lookalikeScripts.filter((script) => script.test(name)).length <= 1
  )
}

/** The normalised name. Throws `invalid_name` in JupyterHub's words. */
export function parseUserName(name: string): string {
  const normalised = normaliseUserName(name)
  if (!isUserName(normalised))
    throw new PlatformError('invalid_name', { message: `Invalid username: ${printable(name)}` })
  return normalised
}

/** A group's name: anything that people can read and a path can hold. Throws `invalid_name`. */
export function parseGroupName(name: string): string {
  const normalised = name.normalize('NFC')
  const isGood =
    normalised !== '' &&
    normalised.length <= longestName &&
    normalised === normalised.trim() &&
    !/[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}/\\]/u.test(normalised) &&
    !/^\.+$/.test(normalised)
  if (!isGood) throw new PlatformError('invalid_name', { message: `Invalid group name: ${printable(name)}` })
  return normalised
}

/** A name from outside as it may stand in a message: no control characters, not endless. */
export function printable(name: string): string {
  const visible = name.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '\u{FFFD}')
  return visible.length <= longestName ? visible : `${visible.slice(0, longestName)}…`
}
