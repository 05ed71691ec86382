import type { RunView } from '@atrium/contract/runs-api.ts'

import { signedInUser } from '#page-data.ts'
import { outside } from '#paths.ts'

/** The notebook that a run wrote, opened in JupyterLab: by its owner, whose files it is among. */
export function ResultLink({ run: { user, result } }: { run: RunView }) {
  if (result === undefined) return null
  const name = result.split('/').at(-1)
  if (user !== signedInUser().name) return name
  return (
    <a href={outside.lab(user, result)} target="_blank" rel="noopener" title={result}>
      {name}
      <span className="visually-hidden"> in JupyterLab, in a new tab</span>
    </a>
  )
}
