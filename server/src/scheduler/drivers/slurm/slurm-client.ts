import type { SchedulerCapabilities, WaitOptions } from '#scheduler/scheduler.ts'

/** Whose job is submitted or cancelled. */
export interface SlurmOwner {
  login: string
  uid: number
  gid: number
}

/** One job, or an array of equal ones, as Slurm is asked for it. Nothing in it comes from users: a job fetches its own command. */
export interface SlurmSubmission {
  owner: SlurmOwner
  /** Shown by squeue(1): `atrium-server`. */
  name: string
  /** Which jobs of ours these are: see `job-comment.ts`. */
  comment: string
  /**
   * What the batch script runs: the launcher with addresses and paths of the configuration and keys. Words, not a text, so that a
   * privileged helper can look at each; see `script-text.ts`.
   */
  command: readonly string[]
  /** More than 1: an array of that many, indexed from 0. */
  arraySize: number
  tasks: number
  nodes?: number
  cpusPerTask?: number
  /** Mebibytes on each node. */
  memoryMiB?: number
  /** Instead of that, mebibytes for each core: what several tasks need wherever they come to be. */
  memoryPerCpuMiB?: number
  /** `a100:1`, for each of several tasks. */
  gpusPerTask?: string
  /** `gpu:2`, on each node. */
  gres?: string
  exclusive: boolean
  /** Minutes. */
  timeLimit?: number
  partition?: string
  account?: string
  qos?: string
  constraint?: string
  reservation?: string
}

/** A job or one task of an array as slurmctld or slurmdbd tells it, whatever the version and the way of asking. Times in ms. */
export interface SlurmJob {
  /** `123`, of an array's task `123_4`: what `scancel` takes. */
  ref: string
  name: string
  comment: string
  uid: number
  gid: number
  login: string
  /** The base state first, then flags: `['RUNNING']`, `['PENDING', 'REQUEUED']`. */
  states: readonly [string, ...string[]]
  /** Slurm's word for why: `Priority`, `Resources`, `NodeDown`. */
  reason: string
  partition: string
  /** Where its batch step runs. */
  node?: string
  nodeCount: number
  submitMs?: number
  /** Of a pending job: the estimate. */
  startMs?: number
  /** Of a running job: when its time is over. */
  endMs?: number
  priority: number
  exitCode?: number
  signal?: number
  restarts: number
  /** `cpu=2,mem=400M,gres/gpu=1`, as allocated. */
  tres: string
}

export interface SlurmNode {
  name: string
  /** Lower case, base state first: `['idle', 'cloud', 'powered_down']`. */
  states: readonly [string, ...string[]]
  partitions: readonly string[]
  cpus: number
  cpusUsed: number
  memoryMiB: number
  memoryUsedMiB: number
  gpus: number
  gpusUsed: number
}

/**
 * One way of talking to Slurm: slurmrestd or the commands. Every method throws `scheduler_unavailable` when Slurm cannot be asked;
 * `submit` and `cancel` throw `SlurmRefusal` when it said no.
 */
export interface SlurmClient {
  /** `22.05.8` */
  version(options: WaitOptions): Promise<string>
  /** The job's id, or the array's. */
  submit(submission: SlurmSubmission, options: WaitOptions): Promise<number>
  /** Everything slurmctld knows, tasks of arrays one by one, other people's jobs too. One call of slurmctld. */
  listJobs(options: WaitOptions): Promise<readonly SlurmJob[]>
  /** What accounting knows of these jobs (`ref`s), one call for all. Those it does not know are left out. */
  listEnded(refs: readonly string[], options: WaitOptions): Promise<readonly SlurmJob[]>
  /**
   * Ends jobs of one owner; absent and ended ones are no error. `end`: SIGTERM, and SIGKILL after the site's KillWait. `kill`: at once.
   */
  cancel(
    owner: SlurmOwner,
    refs: readonly string[],
    options: WaitOptions & { how: 'end' | 'kill' },
  ): Promise<void>
  listNodes(options: WaitOptions): Promise<readonly SlurmNode[]>
  /** What the cluster enforces of what jobs ask for, and by what. */
  limits(options: WaitOptions): Promise<SchedulerCapabilities['limits']>
}

/** Slurm's own no, in its words: final for this submission. */
export class SlurmRefusal extends Error {
  override readonly name = 'SlurmRefusal'
}
