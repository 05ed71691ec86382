import { nodeListSchema } from '@atrium/contract/nodes-api.ts'

import { defineRoute, type Route } from '#http/define-route.ts'
import type { Jobs } from '#scheduler/jobs.ts'

/** The machines that run jobs, and how full they are. */
export function createNodeRoutes({ jobs }: { jobs: Pick<Jobs, 'capacity' | 'list'> }): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/api/v1/nodes',
      summary: 'The machines that run jobs, with their load.',
      tag: 'nodes',
      authentication: 'token-or-session',
      access: { anyOf: ['read:nodes'], on: 'platform' },
      schemas: { responses: { 200: nodeListSchema } },
      async handler({ signal }) {
        const { nodes, pools, notes = [] } = await jobs.capacity({ signal })
        const onNode = countByNode(
          await jobs.list({ states: ['starting', 'running', 'stopping', 'unknown'] }),
        )
        return {
          nodes: nodes.map((node) => ({ ...node, jobs: onNode.get(node.name) ?? 0 })),
          pools: [...pools],
          notes: [...notes],
        }
      },
    }),
  ]
}

function countByNode(jobs: readonly { node?: string }[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const { node } of jobs) if (node !== undefined) counts.set(node, (counts.get(node) ?? 0) + 1)
  return counts
}
