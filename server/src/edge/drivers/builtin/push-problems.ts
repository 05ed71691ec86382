import type { EdgeChange } from '#edge/edge.ts'
import { findTunnelProblem } from '#edge/tunnel-syntax.ts'
import type { StatePush } from './control-messages.ts'
import { parseUpstreamAddress } from './upstream-address.ts'

/** What is wrong with the routes, tunnels or control planes that a push brings; nothing of it is applied then. */
export function findPushProblem(push: StatePush): string | undefined {
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
        ? findTargetProblem([change.route.target])
        : `not a prefix that starts and ends with a slash: ${change.route.prefix}`
    case 'tunnel-put':
      return findTunnelProblem(change.tunnel)
    case 'control-planes':
      return findTargetProblem(change.controlPlanes)
    default:
      return undefined
  }
}

function findTargetProblem(targets: readonly (string | undefined)[]): string | undefined {
  const bad = targets.find((target) => target !== undefined && parseUpstreamAddress(target) === undefined)
  return bad === undefined ? undefined : `not http://host:port or unix:/path: ${bad}`
}
