import { isIP } from 'node:net'

import { PlatformError } from '@atrium/contract/errors.ts'
import { type Static, type TSchema, Type } from 'typebox'
import { Value } from 'typebox/value'

const mostPorts = 64
const about = {
  key: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$' }),
  /** Slurm's id: `123`, of an array's task `123_4`. */
  claimant: Type.String({ pattern: '^[0-9]{1,20}(_[0-9]{1,10})?$' }),
}
const count = Type.Integer({ minimum: 0 })

const launchBody = Type.Object({ ...about, node: Type.String({ maxLength: 255 }) })

/** What a job tells of itself; what is absent has not changed. */
const reportBody = Type.Object({
  ...about,
  host: Type.Optional(Type.Refine(Type.String(), (text) => isIP(text) !== 0)),
  ports: Type.Optional(
    Type.Record(
      Type.String({ pattern: '^[a-z][a-z0-9_-]{0,31}$' }),
      Type.Integer({ minimum: 1024, maximum: 65_535 }),
      { maxProperties: mostPorts, additionalProperties: false },
    ),
  ),
  exit: Type.Optional(
    Type.Object({
      exitCode: Type.Optional(Type.Integer({ minimum: 0, maximum: 255 })),
      signal: Type.Optional(Type.String({ pattern: '^SIG[A-Z0-9+]{1,12}$' })),
      failure: Type.Optional(Type.String({ maxLength: 4096 })),
    }),
  ),
  logStart: Type.Optional(count),
  memoryBytes: Type.Optional(count),
  cpuSeconds: Type.Optional(Type.Number({ minimum: 0 })),
  oomKills: Type.Optional(count),
})

export type NodeLaunch = Static<typeof launchBody>
export type NodeReport = Static<typeof reportBody>

/** Throws `bad_request`. */
export function parseLaunchBody(body: string): NodeLaunch {
  return parse(launchBody, body)
}

/** Throws `bad_request`. */
export function parseReportBody(body: string): NodeReport {
  return parse(reportBody, body)
}

/** What a newer launcher tells beyond the schema is left out. */
function parse<S extends TSchema>(schema: S, body: string): Static<S> {
  const value = parseJson(body)
  if (Value.Check(schema, value)) return Value.Clean(schema, value) as Static<S>
  throw new PlatformError('bad_request', { detail: Value.Errors(schema, value)[0] })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
