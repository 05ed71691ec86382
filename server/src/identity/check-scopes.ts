import { filterKinds, isScope } from '@atrium/contract/permissions.ts'

const namedFilter = new RegExp(`^(${filterKinds.join('|')})=.+$`, 's')
/** Filled in from the owner or the OAuth client. */
const openFilters: ReadonlySet<string> = new Set(['user', 'server', 'service'])
/** Scopes that a platform's services make up for themselves, JupyterHub's pattern. */
const customScope = /^custom:[a-z0-9][a-z0-9_\-*:]+[a-z0-9_*]$/

/** What is wrong with written scopes, in JupyterHub's words; undefined: nothing. `holder`: `token`, `role teacher`. */
export function findScopeProblem(written: Iterable<string>, holder: string): string | undefined {
  for (const text of written) {
    const bang = text.indexOf('!')
    const scope = bang < 0 ? text : text.slice(0, bang)
    if (scope === 'all') return "Draft scope 'all' is now called 'inherit'"
    if (!isScope(scope) && !customScope.test(scope)) return `Scope '${text}' for ${holder} does not exist`
    if (bang < 0) continue
    const filter = text.slice(bang + 1)
    if (!openFilters.has(filter) && !namedFilter.test(filter)) {
      return `Scope filter ${filter} '!${filter}' in scope '${text}' for ${holder} does not exist`
    }
  }
  return undefined
}
