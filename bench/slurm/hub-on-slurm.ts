import type { SlurmCluster } from '../../test/slurm/cluster.ts'

/** A hub whose servers run on the cluster, ours or the peer. */
export interface HubOnSlurm {
  readonly name: string
  readonly url: string
  readonly adminToken: string
  /** Kills the control plane without a word; servers run on. */
  kill(): Promise<void>
  /** Runs the command again; resolves at the first answer. */
  startAgain(): Promise<void>
  stop(): Promise<void>
}

export interface HubOnSlurmOptions {
  /** argv of users' servers; default: the real JupyterLab. */
  serverCommand?: readonly string[]
}

export type StartHubOnSlurm = (cluster: SlurmCluster, options: HubOnSlurmOptions) => Promise<HubOnSlurm>
