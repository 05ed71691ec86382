import type { EdgeChange, EdgeState } from '#edge/edge.ts'
import { findTunnelProblem } from '#edge/tunnel-syntax.ts'
import { parseUpstreamAddress } from './upstream-address.ts'

/** What a push says. */
export type PushContent =
  | { type: 'replace'; state: EdgeState }
  | { type: 'apply'; changes: readonly EdgeChange[] }

/** What is wrong with the routes, tunnels or control planes that a push brings; nothing of it is applied then. */
export function findPushProblem(push: PushContent): string | undefined {
  const changes: readonly EdgeChange[] =
    push.type === 'apply'
      ? push.changes
      : [
          ...push.state.routes.map((route): EdgeChange => ({ type: 'route-put', route })),
          ...push.state.tunnels.map((tunnel): EdgeChange => ({ type: 'tunnel-put', tunnel })),
          { type: 'control-planes', controlPlanes: push.state.controlPlanes },
        ]
  for (const change of changes) {
    const problem = findChangeProblem(change)
    if (problem !== undefined) return problem
  }
  return undefined
}

function findChangeProblem(change: EdgeChange): string | undefined {
  switch (change.type) {
    case 'route-put':
      return /^\/(?:.*\/)?$/s.test(change.route.prefix)
        ? findTargetProblem(change.route.target)
        : `not a prefix that starts and ends with a slash: ${change.route.prefix}`
    case 'tunnel-put':
      return findTunnelProblem(change.tunnel)
    case 'control-planes': {
      const bad = change.controlPlanes.find((target) => parseUpstreamAddress(target) === undefined)
      return bad === undefined ? undefined : `not http://host:port, unix:/path or tls+psk://host:port: ${bad}`
    }
    default:
      return undefined
  }
}

/** The key for control planes is for requests to them, not for what anybody wants a route to lead to. */
function findTargetProblem(target: string | undefined): string | undefined {
  const address = target === undefined ? { path: '' } : parseUpstreamAddress(target)
  return address === undefined || 'isSealed' in address
    ? `not http://host:port or unix:/path: ${target}`
    : undefined
}
