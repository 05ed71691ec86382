import type { WatchedEdge } from '#edge/drivers/builtin/builtin-edge.ts'
import type { EdgeStatus } from '#edge/drivers/builtin/control-messages.ts'
import type { Sample } from '#observe/metrics.ts'

/** An edge that is being started again is told of as down. */
const answerMs = 1000

/** What monitoring sees of the edge. */
export async function readEdgeSamples(edge: Pick<WatchedEdge, 'status'>): Promise<readonly Sample[]> {
  const status = await Promise.race([edge.status().catch(() => undefined), silence(answerMs)])
  const up = gauge('up', 'Whether the edge answers.', status === undefined ? 0 : 1)
  return status === undefined ? [up] : [up, ...listSamples(status)]
}

function listSamples(status: EdgeStatus): readonly Sample[] {
  return [
    counter('requests_total', 'Requests answered, refused ones included.', status.requests),
    counter('failed_requests_total', 'Of them, those answered with 500 or above.', status.failedRequests),
    counter('request_seconds_total', 'Time that answers took, all together.', status.requestSeconds),
    counter(
      'turned_away_connections_total',
      'Connections closed at once because there were too many.',
      status.turnedAwayConnections,
    ),
    gauge('open_websockets', 'Websockets open now.', status.openWebsockets),
    gauge('open_tunnels', 'TLS connections to clusters open now.', status.openTunnels),
    counter('tunnel_connections_total', 'TLS connections passed on to clusters.', status.tunnelConnections),
    counter(
      'refused_tunnel_connections_total',
      'TLS connections that asked for no cluster that is there.',
      status.refusedTunnelConnections,
    ),
    counter('tunnel_bytes_total', 'Bytes passed on to and from clusters.', status.tunnelBytes),
    gauge(
      'requests_under_way',
      'Requests, websockets and TLS connections to clusters under way now.',
      status.liveExchanges,
    ),
    gauge('held_requests', 'Requests that wait for a control plane.', status.heldRequests),
    gauge('routes', 'Routes to servers, services and dashboards of clusters.', status.routes),
    gauge('tunnels', 'Clusters that TLS connections are passed on to.', status.tunnels),
    gauge('credentials', 'Sessions and tokens it lets in.', status.credentials),
    gauge('resident_memory_bytes', 'Memory of the edge.', status.rssBytes),
    counter('cpu_seconds_total', 'CPU time of the edge.', status.cpuSeconds),
  ]
}

function gauge(name: string, help: string, value: number): Sample {
  return { name: `atrium_edge_${name}`, help, type: 'gauge', value }
}

function counter(name: string, help: string, value: number): Sample {
  return { name: `atrium_edge_${name}`, help, type: 'counter', value }
}

function silence(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), ms).unref())
}
