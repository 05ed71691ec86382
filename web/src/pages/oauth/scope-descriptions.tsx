import type { ScopeDescription } from '@atrium/contract/portal-page.ts'

import './scope-descriptions.css'

/** What is asked for, in words, with the scopes' names for those who know them. */
export function ScopeDescriptions({ scopes }: { scopes: readonly ScopeDescription[] }) {
  return (
    <ul className="scope-descriptions">
      {scopes.map(({ scope, description, filter }) => (
        <li key={scope}>
          <span>
            {description} {filter && <span className="muted">({filter})</span>}
          </span>
          <code className="muted">{scope}</code>
        </li>
      ))}
    </ul>
  )
}
