import type { Sample } from '#observe/metrics.ts'
import { everyGroup } from '#scheduler/usage/usage-ledger.ts'
import { readUsageTotals, type UsageTotal } from '#scheduler/usage/usage-reader.ts'
import { readUsageNames } from '#scheduler/usage/usage-report.ts'
import type { ReadableDatabase } from '#store/store.ts'

const measures = [
  { name: 'core_hours', help: 'Core hours', secondsOf: ({ coreSeconds }: UsageTotal) => coreSeconds },
  { name: 'gpu_hours', help: 'GPU hours', secondsOf: ({ gpuSeconds }: UsageTotal) => gpuSeconds },
  {
    name: 'memory_gib_hours',
    help: 'Gibibyte hours of memory',
    secondsOf: ({ gibSeconds }: UsageTotal) => gibSeconds,
  },
] as const

/**
 * What was used, for monitoring: of starts that ended, so that counters only grow. Users are no label: there may be many thousands of them.
 * What counts for groups has names of its own, since one use counts for several.
 */
export async function readUsageSamples(db: ReadableDatabase): Promise<readonly Sample[]> {
  const totals = await readUsageTotals(db)
  const ids = totals.map(({ groupId }) => groupId).filter((id) => id !== everyGroup)
  const names = await readUsageNames(db, 'groups', ids)
  return measures.flatMap(({ name, help, secondsOf }) => [
    ...totals
      .filter(({ groupId }) => groupId === everyGroup)
      .map((total) => ({
        name: `atrium_usage_${name}_total`,
        help: `${help} of jobs' starts that ended.`,
        type: 'counter' as const,
        labels: { kind: total.kind },
        value: secondsOf(total) / 3600,
      })),
    ...totals
      .filter(({ groupId }) => names.has(groupId))
      .map((total) => ({
        name: `atrium_usage_group_${name}_total`,
        help: `${help} that counted for a group; one use counts for every group of its user.`,
        type: 'counter' as const,
        labels: { group: names.get(total.groupId) ?? '', kind: total.kind },
        value: secondsOf(total) / 3600,
      })),
  ])
}
