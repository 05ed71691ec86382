import type { JobKind } from '@atrium/contract/jobs.ts'

import type { AllocatedUse } from '#scheduler/job.ts'
import type { Job } from '#scheduler/job-record.ts'

export const dayMs = 86_400_000
const gibibyte = 2 ** 30

/** What is counted: what a job had to itself, times how long. */
export interface UsedAmounts {
  coreSeconds: number
  gpuSeconds: number
  /** Gibibytes times seconds. */
  gibSeconds: number
}

/** What one start of a job used on one day. */
export interface UseOfDay extends UsedAmounts {
  /** Days since the epoch, in UTC. */
  day: number
  userId: number | null
  groupId: number | null
  kind: JobKind
  partition: string
  /** 1 on the day of the end, else 0. */
  runs: number
}

/** What is read of a job to say what it uses. */
export type UsingJob = Pick<Job, 'userId' | 'groupId' | 'kind' | 'amounts' | 'usage'> & {
  spec: Pick<Job['spec'], 'nodePool' | 'queue'>
}

/** A start that is over, or the part of one that goes on that has been until now. */
export interface Run {
  startedAtMs: number
  endedAtMs: number
  /** What the scheduler accounted for. Absent: what the job asked for, times its time. */
  allocated?: AllocatedUse
  /** False: it goes on. */
  isOver: boolean
}

/** The use of a start, day by day of UTC; at least one. */
export function buildUses(job: UsingJob, run: Run): UseOfDay[] {
  const lengthMs = Math.max(0, run.endedAtMs - run.startedAtMs)
  const total = run.allocated === undefined ? findOwnUse(job, lengthMs / 1000) : convert(run.allocated)
  const { userId, groupId, kind, spec } = job
  const partition = spec.queue?.partition ?? spec.nodePool ?? ''
  const lastDay = Math.floor(run.endedAtMs / dayMs)
  const firstDay = Math.min(lastDay, Math.floor(run.startedAtMs / dayMs))
  return Array.from({ length: lastDay - firstDay + 1 }, (_, index) => {
    const day = firstDay + index
    const fromMs = Math.max(run.startedAtMs, day * dayMs)
    const toMs = Math.min(run.endedAtMs, (day + 1) * dayMs)
    const share = lengthMs === 0 ? 1 : (toMs - fromMs) / lengthMs
    const runs = run.isOver && day === lastDay ? 1 : 0
    return { day, userId, groupId, kind, partition, runs, ...multiply(total, share) }
  })
}

function convert({ coreSeconds, gpuSeconds, memoryByteSeconds }: AllocatedUse): UsedAmounts {
  return { coreSeconds, gpuSeconds, gibSeconds: memoryByteSeconds / gibibyte }
}

/** What it asked for counts, used or not; of what has no limit, what was measured. */
function findOwnUse({ amounts, usage = {} }: UsingJob, seconds: number): UsedAmounts {
  const bytes = amounts.memoryBytes || (usage.memoryBytes ?? 0)
  return {
    coreSeconds: amounts.cpu > 0 ? amounts.cpu * seconds : (usage.cpuSeconds ?? 0),
    gpuSeconds: amounts.gpu * seconds,
    gibSeconds: (bytes / gibibyte) * seconds,
  }
}

function multiply(amounts: UsedAmounts, factor: number): UsedAmounts {
  return {
    coreSeconds: amounts.coreSeconds * factor,
    gpuSeconds: amounts.gpuSeconds * factor,
    gibSeconds: amounts.gibSeconds * factor,
  }
}
