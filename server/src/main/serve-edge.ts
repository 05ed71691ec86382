/**
 * `atrium serve-edge`: one of the edges of `edge.external`, on whatever machine. Reads the same configuration as the control planes and becomes
 * the lean edge program.
 */
import { isIPv6 } from 'node:net'
import { dirname, extname, join, resolve } from 'node:path'

import { parseDurationMs } from '#config/units.ts'
import type { ExternalEdgeConfig } from '#edge/drivers/builtin/edge-config.ts'
import { environmentFlag } from '#edge/drivers/builtin/edge-program-flags.ts'
import { edgeKeyFile } from './edge-key.ts'
import { reportFailure } from './report-failure.ts'
import { buildServingConfig } from './start-edge.ts'
import { readStartOptions, type StartOptions } from './start-options.ts'
import { WrongUsage } from './wrong-usage.ts'

/** Less garbage is kept for later, at no cost that shows. */
const nodeFlags = ['--max-semi-space-size=8']

try {
  const start = await readStartOptions(process.argv.slice(2), process.env)
  const [, program = ''] = process.argv
  process.execve?.(
    process.execPath,
    [process.execPath, ...nodeFlags, join(dirname(program), `edge${extname(program)}`), environmentFlag],
    { ...process.env, ATRIUM_EDGE_CONFIG: JSON.stringify(buildExternalConfig(start)) } as Record<
      string,
      string
    >,
  )
} catch (error) {
  reportFailure(error, { json: process.argv.includes('--json') })
}

/** What the configuration says of edges, as the edge program takes it. */
function buildExternalConfig(start: StartOptions): ExternalEdgeConfig {
  const { external } = start.config.edge
  const { givenKeys } = start.data
  if (external === undefined || givenKeys === undefined)
    throw new WrongUsage('An edge of its own needs edge.external and keys in the configuration.')
  return {
    ...buildServingConfig(start, start.port),
    times: { holdMs: parseDurationMs(external.hold), drainMs: parseDurationMs(external.drain) },
    external: {
      host: isIPv6(start.host) ? '::' : '0.0.0.0',
      controlPort: external.port,
      healthPort: external.healthPort,
      keyFile: resolve(givenKeys, edgeKeyFile),
    },
  }
}
