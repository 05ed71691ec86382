import type { SlurmCluster } from '../../test/slurm/cluster.ts'

/** A platform that answers Dask Gateway's protocol, ours or the peer. */
export interface GatewayUnderTest {
  readonly name: string
  /** For a client of dask-gateway: where it is, and who asks. */
  readonly clientEnvironment: Readonly<Record<string, string>>
  /** Ends it with everything it started. */
  stop(): Promise<void>
}

export interface GatewayOptions {
  /** The Python environment of schedulers and workers: one and the same for both. */
  prefix: string
  /** Where schedulers and workers run; without one, on this machine. */
  cluster?: SlurmCluster
}

export type StartGateway = (options: GatewayOptions) => Promise<GatewayUnderTest>

/** Of one scheduler or worker; little, so that twenty clusters fit. */
export const memoryOfOne = '400M'
