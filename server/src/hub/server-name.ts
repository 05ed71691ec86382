const longestName = 30
const longestDisplayName = 255

/** Names of new named servers as JupyterHub 6 allows them: lower-case ASCII words joined by single hyphens, a letter first, 30 at most. */
export function isServerName(name: string): boolean {
  return name.length <= longestName && /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(name)
}

/** What people may call a server: visible characters of any script, with single spaces between them. */
export function isDisplayName(name: string): boolean {
  const length = [...name].length
  return (
    length <= longestDisplayName &&
    /^[\p{L}\p{M}\p{N}\p{P}\p{S}]+(?: [\p{L}\p{M}\p{N}\p{P}\p{S}]+)*$/u.test(name)
  )
}

/** The one form of a text that can be written in several ways. */
export function normalizeDisplayName(name: string): string {
  return name.normalize('NFC')
}
