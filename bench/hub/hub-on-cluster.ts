/** A hub whose servers run on a cluster, ours or the peer. */
export interface HubOnCluster {
  readonly name: string
  readonly url: string
  readonly adminToken: string
  /** Kills the control plane without a word; servers run on. */
  kill(): Promise<void>
  /** Runs the command again; resolves at the first answer. */
  startAgain(): Promise<void>
  stop(): Promise<void>
}

export interface HubOnClusterOptions {
  /** argv of users' servers; default: the real JupyterLab. */
  serverCommand?: readonly string[]
}

export type StartHubOnCluster<Cluster> = (
  cluster: Cluster,
  options: HubOnClusterOptions,
) => Promise<HubOnCluster>

/** Starts a hub, measures, and stops it whatever happened. */
export async function withHub<Cluster, Result>(
  start: StartHubOnCluster<Cluster>,
  cluster: Cluster,
  options: HubOnClusterOptions,
  measure: (hub: HubOnCluster) => Promise<Result>,
): Promise<Result> {
  const hub = await start(cluster, options)
  try {
    return await measure(hub)
  } finally {
    await hub.stop()
  }
}
