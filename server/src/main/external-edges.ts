import { lookup } from 'node:dns/promises'

import type { WatchedEdge } from '#edge/drivers/builtin/builtin-edge.ts'
import { createExternalEdges } from '#edge/drivers/builtin/external-edges.ts'
import type { Logger } from '#platform/log.ts'
import { connectBySharedKey, deriveSharedKey } from '#platform/shared-key-tls.ts'
import { readEdgeKey } from './edge-key.ts'
import type { StartOptions } from './start-options.ts'

/** What a control plane says of itself to the edges it tells. */
export interface EdgePushes {
  fence: () => number
  leads: () => boolean
}

/** The edges of `edge.external`, found by their common name. */
export async function findExternalEdges(
  { config, data }: Pick<StartOptions, 'config' | 'data'>,
  { log, ...pushes }: EdgePushes & { log: Logger },
): Promise<WatchedEdge> {
  const { external, publicUrl = '' } = config.edge
  if (external === undefined) throw new Error('edge.external is missing')
  const key = deriveSharedKey(await readEdgeKey(data), 'steering of edges')
  return createExternalEdges({
    ...pushes,
    publicUrl: publicUrl.replace(/\/$/, ''),
    findAddresses: () => resolveAll(external.name),
    open: (host) => connectBySharedKey({ host, port: external.port }, key),
    log,
  })
}

/** All addresses of a name; none when nobody has it now. */
async function resolveAll(name: string): Promise<readonly string[]> {
  try {
    const found = await lookup(name, { all: true })
    return [...new Set(found.map(({ address }) => address))]
  } catch (error) {
    // A headless service without an endpoint is a name without an address.
    if (error instanceof Error && 'code' in error && error.code === 'ENOTFOUND') return []
    throw error
  }
}
