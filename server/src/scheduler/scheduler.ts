import type { JobHandle, JobKey, JobOwner, JobSpec, Observation } from './job.ts'
import type { OwnerChoices } from './owner-choices.ts'

/** What a driver can do; callers read these and never ask for a driver's name. */
export interface SchedulerCapabilities {
  gpu: boolean
  containerImages: boolean
  /** Limits of cpu and memory are really enforced; `why` says how, or why not. */
  limits: {
    cpu: boolean
    memory: boolean
    why: string
    /** Parts of a core are rounded up. Default false. */
    wholeCores?: boolean
  }
  preemption: boolean
  multipleNodes: boolean
  warmStart: boolean
  /** Jobs run under their owner's uid. */
  owners: boolean
  /** `onChange` tells of most changes by itself, so that asking is only the safety net. */
  hints: boolean
  /** The scheduler itself ends jobs at `timeLimitMs`, rounded up to this. Absent: it does not, the reconciler does. */
  timeLimitStepMs?: number
}

export interface NodeCapacity {
  name: string
  pool: string
  state: 'up' | 'down' | 'draining' | 'unknown'
  cpu: number
  cpuUsed: number
  memoryBytes: number
  memoryUsedBytes: number
  gpu: number
  gpuUsed: number
}

export interface PoolCapacity {
  name: string
  /** Nodes that could still be added by autoscaling. */
  canGrowBy: number
  /** Those there are now. Absent: as many as are listed. */
  nodes?: number
  /** Between how many nodes it is kept; `maximum` alone: it always has that many. */
  minimum?: number
  maximum?: number
  /** One node of it, as what jobs can have. */
  machine?: { cpu: number; memoryBytes: number; gpu: number }
  /** Its nodes can be taken away at short notice. */
  spot?: boolean
  /** Seats kept warm for the next jobs: how many there are to be, and how many have a node. */
  seats?: { wanted: number; ready: number }
}

export interface Capacity {
  nodes: readonly NodeCapacity[]
  pools: readonly PoolCapacity[]
  /** What these figures do not show, and what is being done about nodes: sentences for administrators. */
  notes?: readonly string[]
}

/**
 * The outcome of one spec of a batch. `rejected` is final for this spec: the reason is the scheduler's. `delayed`: nothing was submitted, since
 * something that this job needs is not to be had just now; it is tried again after a while.
 */
export type Submission =
  | { key: JobKey; outcome: 'accepted'; handle: JobHandle }
  | { key: JobKey; outcome: 'rejected' | 'delayed'; reason: string; message: string }

export interface WaitOptions {
  signal: AbortSignal
}

export interface LogOptions extends WaitOptions {
  /** Bytes to leave out at the beginning. Default 0. */
  offset?: number
  /** Only about the last this many bytes of what there is now, instead of `offset`: cheap however much was written. */
  tailBytes?: number
  /** Goes on until the job has ended. Default false. */
  follow?: boolean
}

/**
 * Runs jobs. Every driver keeps to this contract; `conformance/` proves it.
 * Any method but `observe` throws `scheduler_unavailable` when the scheduler cannot be asked.
 */
export interface Scheduler {
  /** The name in handles, logs and metrics. Not for decisions: those read `capabilities`. */
  readonly driver: string

  /**
   * Jobs of kind `batch` that it is to be handed at a time, each counted with its cores: for one that starts what it is given at once.
   * Absent: it has a queue of its own.
   */
  readonly programsAtOnce?: number

  /** What this driver can do here. Found by asking the scheduler once; cheap afterwards. */
  capabilities(options: WaitOptions): Promise<SchedulerCapabilities>

  /**
   * Submits a batch. Safe to repeat: a spec whose key was submitted before answers the first job's handle.
   * When it throws, any part of the batch may have been submitted: `find` or the same call again tells.
   */
  submit(specs: readonly JobSpec[], options: WaitOptions): Promise<readonly Submission[]>

  /** The jobs of ours with these keys that the scheduler knows, ended ones included while it remembers. Adopts after a crash. */
  find(keys: readonly JobKey[], options: WaitOptions): Promise<ReadonlyMap<JobKey, JobHandle>>

  /** Every job of ours that is not ended, whoever submitted it: what the reconciler does not want is reaped. */
  list(options: WaitOptions): Promise<readonly JobHandle[]>

  /** One answer per handle, by one cheap query for all. Never throws for an unreachable scheduler: those are `unknown`. */
  observe(handles: readonly JobHandle[], options: WaitOptions): Promise<ReadonlyMap<JobKey, Observation>>

  /** Asks for the end, all processes of the job included, and returns; `observe` tells when. Ended or absent jobs are no error. */
  cancel(handles: readonly JobHandle[], options: WaitOptions & { graceMs: number }): Promise<void>

  /**
   * The job's output (standard output and error together) from byte `offset`, or its last `tailBytes`; follows until the job has ended
   * when `follow`. Bytes as they come, oldest first. Nothing for a job that is absent or was forgotten.
   */
  logs(handle: JobHandle, options: LogOptions): AsyncIterable<Uint8Array>

  capacity(options: WaitOptions): Promise<Capacity>

  /** What an owner may ask for in `JobSpec.queue`. Absent: there is nothing to ask for. */
  choices?(owner: Pick<JobOwner, 'login'>, options: WaitOptions): Promise<OwnerChoices>

  /**
   * Keeps up what there is to be beside jobs: seats kept warm, images pulled ahead. Goes on until `signal`, for as long as this replica
   * leads; troubles are waited out. Absent: there is nothing of the kind.
   */
  tend?(options: WaitOptions): Promise<void>

  /** Calls `listener` when these jobs may have changed, so that they are observed at once. A hint: calls can be lost or too many. */
  onChange(listener: (keys: readonly JobKey[]) => void): () => void

  /** Forgets ended jobs' records and output on the scheduler's side. */
  forget(handles: readonly JobHandle[], options: WaitOptions): Promise<void>

  /** Lets go of connections; jobs run on. */
  close(): Promise<void>
}
