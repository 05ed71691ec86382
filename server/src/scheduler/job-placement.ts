import type { JobKey, JobSpec } from './job.ts'

/** What a node must know of a job, for drivers whose jobs fetch it themselves once they have a node. */
export interface LaunchSource {
  /** The spec with its secrets in place, under its attempt's key; undefined unless that very start of the job is wanted now. */
  findLaunch(key: JobKey): Promise<JobSpec | undefined>
}

/** How a job's program ended, as the node saw it. */
export interface PlacementExit {
  exitCode?: number
  /** `SIGKILL` */
  signal?: string
  /** It could not be started at all: why, for the person who started it. */
  failure?: string
  atMs: number
}

/** What is known of one start of a job beyond what its scheduler tells: what the job itself reports from its node. */
export interface JobPlacement {
  /** Whose job it is, on the nodes. Nobody else's reports count. */
  uid: number
  /** The scheduler's own id of it, once submitted. */
  ref?: string
  /** The scheduler's id of the one job that may run it: the first to ask. Later ones are told to end. */
  claimedBy?: string
  host?: string
  /** By name; reported once the job's owner listens on all of them. */
  ports?: Readonly<Record<string, number>>
  exit?: PlacementExit
  /** Output before this byte was given up to bound the log's size. */
  logStart?: number
  memoryBytes?: number
  cpuSeconds?: number
  oomKills?: number
}

/** Keeps placements, for all replicas and over restarts. Keys are attempts' keys. */
export interface JobPlacements {
  read(keys: readonly JobKey[]): Promise<ReadonlyMap<JobKey, JobPlacement>>
  /** Adds to what is there. Keys without a placement get one only if `uid` is among the changes. */
  record(changes: ReadonlyMap<JobKey, Partial<JobPlacement>>): Promise<void>
  /**
   * Gives the job to `claimant` (the scheduler's id) if nobody has it; what an earlier run of the same claimant reported is dropped. False
   * when another has it, or there is no such placement.
   */
  claim(key: JobKey, claimant: string): Promise<boolean>
  forget(keys: readonly JobKey[]): Promise<void>
}

/** Placements in memory, for tests of drivers. */
export function createMemoryPlacements(): JobPlacements {
  const kept = new Map<JobKey, JobPlacement>()
  return {
    async read(keys) {
      return new Map(
        keys.flatMap((key) => {
          const found = kept.get(key)
          return found === undefined ? [] : [[key, found] as const]
        }),
      )
    },
    async record(changes) {
      for (const [key, change] of changes) {
        const before = kept.get(key)
        if (before !== undefined) kept.set(key, { ...before, ...change })
        else if (change.uid !== undefined) kept.set(key, { ...change, uid: change.uid })
      }
    },
    async claim(key, claimant) {
      const found = kept.get(key)
      if (found === undefined || (found.claimedBy !== undefined && found.claimedBy !== claimant)) return false
      const { uid, ref } = found
      kept.set(key, { uid, ...(ref === undefined ? {} : { ref }), claimedBy: claimant })
      return true
    },
    async forget(keys) {
      for (const key of keys) kept.delete(key)
    },
  }
}
