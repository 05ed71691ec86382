import type { ClusterDetail } from '@atrium/contract/clusters-api.ts'

import { formatCost, formatHours } from '#pages/usage/usage-amounts.ts'
import { formatCount } from '#ui/amounts.ts'
import type { Fact } from '#ui/facts.tsx'
import { formatDuration, RelativeTime } from '#ui/time.tsx'

import { describeAsker, describeWorker, listOptions, WorkerCount } from './cluster-words.tsx'

/** What is worth knowing of a cluster besides its workers. */
export function listClusterFacts(cluster: ClusterDetail): Fact[] {
  const { adapt, startedAtMs, stoppedAtMs, use, currency } = cluster
  const endMs = stoppedAtMs ?? Date.now()
  return [
    { label: 'Workers', value: <WorkerCount cluster={cluster} /> },
    {
      label: 'Number of workers',
      value: adapt
        ? `Adapts between ${adapt.minimum} and ${adapt.maximum}`
        : `${formatCount(cluster.workers.wanted, 'worker')}, as asked for`,
    },
    { label: 'Limit', value: formatCount(cluster.workers.limit, 'worker') },
    { label: 'Each worker', value: describeWorker(cluster.worker) },
    { label: 'Made by', value: describeAsker(cluster) },
    { label: 'Made', value: <RelativeTime atMs={cluster.createdAtMs} /> },
    {
      label: stoppedAtMs ? 'Ran for' : 'Runs for',
      value: startedAtMs && formatDuration(endMs - startedAtMs),
    },
    { label: 'Ended', value: stoppedAtMs && <RelativeTime atMs={stoppedAtMs} /> },
    { label: 'Core hours', value: formatHours(use.coreHours) },
    { label: 'GPU hours', value: use.gpuHours > 0 ? formatHours(use.gpuHours) : undefined },
    { label: 'Memory, GB hours', value: formatHours(use.memoryGibHours) },
    {
      label: 'Cost',
      value: use.cost !== undefined && currency !== undefined ? formatCost(use.cost, currency) : undefined,
    },
    { label: 'Environment', value: <code>{cluster.environment}</code> },
    { label: 'Name', value: <code>{cluster.name}</code> },
    ...listOptions(cluster).map(([name, value]) => ({
      label: `Option ${name}`,
      value: <code>{value}</code>,
    })),
  ]
}
