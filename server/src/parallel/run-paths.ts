import { posix } from 'node:path'

import { PlatformError } from '@atrium/contract/errors.ts'

/** A path of a person's, absolute or below the home, in its shortest form. The kernel decides who may go there. Throws `bad_request`. */
export function resolvePath(what: string, path: string, home: string): string {
  if (path === '' || path.includes('\0')) {
    throw new PlatformError('bad_request', { message: `${what}: this is no path.` })
  }
  const expanded = path === '~' || path.startsWith('~/') ? `.${path.slice(1)}` : path
  const resolved = posix.resolve(home, expanded)
  if (!posix.isAbsolute(path) && !isBelow(resolved, home)) {
    throw new PlatformError('bad_request', {
      message: `${what}: “${path}” leads out of the home. Name the whole path if that is meant.`,
    })
  }
  return resolved
}

/**
 * Prefix of a Python environment that a run may have: one of `known`, or one below the home, so that the platform never looks at others' files
 * for somebody. Throws `bad_request`.
 */
export function resolvePrefix(path: string, home: string, known: readonly (string | undefined)[]): string {
  const prefix = resolvePath('prefix', path, home)
  if (known.includes(prefix) || (isBelow(prefix, home) && prefix !== home)) return prefix
  throw new PlatformError('bad_request', {
    message: `prefix: ${prefix} is neither the environment of a profile that you chose nor below your home.`,
  })
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`)
}
