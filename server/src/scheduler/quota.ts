import type { JobKind } from '@atrium/contract/jobs.ts'

import type { StoreTransaction } from '#store/store.ts'
import type { JobResources } from './job.ts'

/** What one job takes, and what limits and sums are in. */
export interface QuotaAmounts {
  servers: number
  /** Dask clusters. */
  clusters: number
  workers: number
  /** Cores. */
  cpu: number
  memoryBytes: number
  gpu: number
}

export type QuotaDimension = keyof QuotaAmounts

export const quotaDimensions = [
  'servers',
  'clusters',
  'workers',
  'cpu',
  'memoryBytes',
  'gpu',
] as const satisfies readonly QuotaDimension[]

export const noAmounts: QuotaAmounts = { servers: 0, clusters: 0, workers: 0, cpu: 0, memoryBytes: 0, gpu: 0 }

/** Somebody jobs count against. */
export type QuotaSubject = { kind: 'platform' } | { kind: 'user'; id: number } | { kind: 'group'; id: number }

/** A subject's share: what is held now, and the limits (absent: none). */
export interface QuotaUsage {
  subject: QuotaSubject
  /** The user's or group's name; empty for the platform. */
  name: string
  used: QuotaAmounts
  limits: Partial<QuotaAmounts>
  /** Jobs that hold something. */
  jobs: number
}

/** Somebody's limits. */
export interface QuotaLimit {
  subject: QuotaSubject
  /** The user's or group's name; empty for the platform. */
  name: string
  limits: Partial<QuotaAmounts>
}

export interface QuotaReader {
  /** The limits of all whom a job of this user counts against, the narrowest first; within a transaction if one is given. */
  limitsOf(
    owner: { userId: number | null; groupId?: number },
    tx?: StoreTransaction,
  ): Promise<readonly QuotaLimit[]>
  usage(subject: QuotaSubject): Promise<QuotaUsage>
  /** Everybody who holds something now, the platform first. */
  list(): Promise<readonly QuotaUsage[]>
}

/** The limits of every subject, from config. Users' and groups' own replace the default as a whole. Absent amounts are not limited. */
export interface QuotaLimits {
  platform: Partial<QuotaAmounts>
  /** By user name; `defaultUser` for everybody else. */
  users: Readonly<Record<string, Partial<QuotaAmounts>>>
  defaultUser: Partial<QuotaAmounts>
  groups: Readonly<Record<string, Partial<QuotaAmounts>>>
  defaultGroup: Partial<QuotaAmounts>
}

/** Why a job does not fit: the first limit it would break. */
export interface QuotaObstacle {
  subject: QuotaSubject
  name: string
  dimension: QuotaDimension
  limit: number
}

/**
 * What a job takes: notebook servers count as servers, Dask schedulers as clusters, Dask workers and engines as
 * workers, and everything by its resources.
 */
export function buildAmounts(kind: JobKind, tasks: number, resources: JobResources): QuotaAmounts {
  return {
    servers: kind === 'server' ? 1 : 0,
    clusters: countClusters(kind),
    workers: kind === 'dask-worker' || kind === 'engine' ? tasks : 0,
    cpu: (resources.cpu ?? 0) * tasks,
    memoryBytes: (resources.memoryBytes ?? 0) * tasks,
    gpu: (resources.gpu ?? 0) * tasks,
  }
}

/** A cluster is counted by the one scheduler it has. */
export function countClusters(kind: JobKind): number {
  return kind === 'dask-scheduler' ? 1 : 0
}

/** The limits of one subject. */
export function findLimits(limits: QuotaLimits, subject: QuotaSubject, name: string): Partial<QuotaAmounts> {
  switch (subject.kind) {
    case 'platform':
      return limits.platform
    case 'user':
      return Object.hasOwn(limits.users, name) ? (limits.users[name] ?? {}) : limits.defaultUser
    case 'group':
      return Object.hasOwn(limits.groups, name) ? (limits.groups[name] ?? {}) : limits.defaultGroup
  }
}

/** The first amount that does not fit beside what is used. Amounts of zero always fit: a limit lowered later stops nobody. */
export function findExcess(
  used: QuotaAmounts,
  wanted: QuotaAmounts,
  limits: Partial<QuotaAmounts>,
): { dimension: QuotaDimension; limit: number } | undefined {
  for (const dimension of quotaDimensions) {
    const limit = limits[dimension]
    if (limit === undefined || wanted[dimension] <= 0) continue
    // Cores are fractions: a sum of tenths must not fail by rounding.
    if (used[dimension] + wanted[dimension] > limit + 1e-9) return { dimension, limit }
  }
  return undefined
}

/** The reason (stable, `quota_user_cpu`) and a sentence for the person who waits or was refused. */
export function describeObstacle({ subject, name, dimension, limit }: QuotaObstacle): {
  reason: string
  message: string
} {
  const whose = { platform: 'the platform', user: `the user ${name}`, group: `the group ${name}` }[
    subject.kind
  ]
  const reason = `quota_${subject.kind}_${dimension === 'memoryBytes' ? 'memory' : dimension}`
  return { reason, message: `The limit of ${whose} is ${formatAmount(dimension, limit)}.` }
}

const gibibyte = 2 ** 30

function formatAmount(dimension: QuotaDimension, amount: number): string {
  switch (dimension) {
    case 'memoryBytes':
      return `${Number((amount / gibibyte).toFixed(2))} GiB of memory`
    case 'cpu':
      return `${amount} CPU cores`
    case 'gpu':
      return `${amount} GPUs`
    case 'servers':
    case 'clusters':
    case 'workers':
      return `${amount} ${dimension} at a time`
  }
}
