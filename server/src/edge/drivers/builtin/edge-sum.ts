import type { EdgeStatus } from './control-messages.ts'

/** Several edges as one: what they did and have together. `pid` is the first's, `uptimeS` the youngest's; what all know alike counts once. */
export function addUpStatus(statuses: readonly EdgeStatus[]): EdgeStatus {
  const [first, ...others] = statuses
  if (first === undefined) throw new Error('no edge to add up')
  return others.reduce(addTwo, first)
}

function addTwo(a: EdgeStatus, b: EdgeStatus): EdgeStatus {
  const sum = { ...a }
  for (const key of Object.keys(a) as (keyof EdgeStatus)[]) sum[key] = a[key] + b[key]
  return {
    ...sum,
    pid: a.pid,
    uptimeS: Math.min(a.uptimeS, b.uptimeS),
    routes: Math.max(a.routes, b.routes),
    tunnels: Math.max(a.tunnels, b.tunnels),
    credentials: Math.max(a.credentials, b.credentials),
  }
}
