import { PlatformError } from '@atrium/contract/errors.ts'
import type { Config } from '#config/schema.ts'

type Section = Config['scheduler']['kubernetes']

/** What the configuration knows already and this version cannot do yet, by its key. */
const unfinished: Readonly<Record<string, (section: Section) => boolean>> = {
  'nodePools[].placeholders': ({ nodePools }) =>
    nodePools.some(({ placeholders }) => placeholders !== undefined),
  prePull: ({ prePull }) => prePull.enabled,
}

/** Throws `bad_request` that names what is asked for in vain: nobody is to believe in what is not there. */
export function refuseUnfinished(section: Section): void {
  const asked = Object.entries(unfinished).flatMap(([key, isAsked]) => (isAsked(section) ? [key] : []))
  if (asked.length === 0) return
  throw new PlatformError('bad_request', {
    message: `This version cannot do this yet: scheduler.kubernetes.${asked.join(', scheduler.kubernetes.')}.`,
  })
}
