import { isScope, scopeTable } from '@atrium/contract/permissions.ts'
import type { ScopeDescription } from '@atrium/contract/portal-page.ts'

import { parseScope } from './scope-set.ts'

/** A scope for people: `Read users.` and `for user alice`. */
export function describeScope(text: string): ScopeDescription {
  const { scope, kind, name } = parseScope(text)
  const description = isScope(scope) ? scopeTable[scope].description : scope
  if (kind === undefined) return { scope: text, description }
  return {
    scope: text,
    description,
    filter: name === undefined ? `for your own ${kind}` : `for ${kind} ${name}`,
  }
}
