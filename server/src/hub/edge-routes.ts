import type { Route } from '#edge/edge.ts'
import type { Service } from '#identity/services.ts'
import type { JobEndpoint } from '#scheduler/job.ts'

import type { ActiveServer } from './active-servers.ts'
import { serverPort } from './server-environment.ts'
import { buildRoutePrefix } from './server-paths.ts'
import type { ServerRecord } from './server-records.ts'
import { buildServicePath } from './service-config.ts'

/** The route to a server that answers at `endpoint`; undefined when it told no port. */
export function buildServerRoute({ user, name }: ServerRecord, endpoint: JobEndpoint): Route | undefined {
  const port = endpoint.ports[serverPort]
  if (port === undefined) return undefined
  return {
    prefix: buildRoutePrefix(user, name),
    target: `http://${formatHost(endpoint.host)}:${port}`,
    access: { kind: 'server', user, server: name },
    data: { user, server_name: name },
  }
}

/**
 * The route that a server's state asks for. It stays while the server stops, so that what is being saved is saved, and while the scheduler
 * cannot be asked.
 */
export function findWantedRoute({ record, job }: ActiveServer): Route | undefined {
  if (job.readyAtMs === undefined || job.endpoint === undefined) return undefined
  return buildServerRoute(record, job.endpoint)
}

/** The route to a service with a URL; the path goes along as it is. The edge speaks plain HTTP to what is behind it: others have none. */
export function buildServiceRoute({ name, url }: Pick<Service, 'name' | 'url'>): Route | undefined {
  const parsed = url === null ? null : URL.parse(url)
  if (parsed?.protocol !== 'http:') return undefined
  return {
    prefix: buildServicePath(name),
    target: parsed.origin,
    access: { kind: 'service', service: name },
    data: { service: name },
  }
}

/** An IPv6 address stands in brackets in a URL. */
function formatHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
