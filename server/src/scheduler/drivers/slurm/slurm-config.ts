import type { QueueOptions } from '#scheduler/job.ts'

/** What the Slurm driver needs to know of its site. */
export interface SlurmSchedulerConfig {
  /** Tells this platform's jobs from another's on the same cluster: lower-case letters and digits. */
  instance: string
  /** Runs the launcher on nodes: Python 3.9 or newer, at the same path on each. */
  python: string
  /** The `atrium_node` package as nodes see it. */
  nodePackage: string
  /** Where nodes reach the platform, without a path. */
  hubUrl: string
  /** The uid that the platform runs as: launchers believe nobody else's answers. */
  hubUid: number
  /** PEM file, as nodes see it: what signed the platform's certificate, if nodes do not know it. */
  hubCertificates?: string
  /** Absent: munge's own. */
  mungeSocket?: string
  /** Jobs write their output here, on nodes and here the same path. */
  logFolder: string
  /** Makes the names of output files, so that nobody can guess them. */
  logKey: Uint8Array
  /** How long one question to Slurm may take before Slurm counts as unreachable. */
  callTimeoutMs: number
  /** What every job gets unless its profile says otherwise. */
  defaults: QueueOptions
}
