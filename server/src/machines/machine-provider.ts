/** What became of one node's machine. */
export type MachineOutcome =
  | {
      ok: true
      /** IP address or name at which slurmctld reaches it, where slurm.conf does not say it. */
      address?: string
      /** What the machine calls itself, if not by the node's name. */
      hostname?: string
    }
  | {
      ok: false
      /** A sentence for the administrator: it becomes the node's reason in Slurm. */
      reason: string
    }

export type MachineOutcomes = ReadonlyMap<string, MachineOutcome>

/**
 * Makes and removes the machines behind nodes. Both methods are safe to repeat, answer for every node asked for, and reject for nothing
 * that concerns single nodes.
 */
export interface MachineProvider {
  /** A node whose machine is there already keeps it. Resolves when the machines are ordered, not when they have booted. */
  start(nodes: readonly string[], options: { signal: AbortSignal }): Promise<MachineOutcomes>
  /** A node without a machine is a success. */
  stop(nodes: readonly string[], options: { signal: AbortSignal }): Promise<MachineOutcomes>
  /** Those of the nodes that have a machine. Absent: this provider cannot tell. */
  list?(nodes: readonly string[], options: { signal: AbortSignal }): Promise<readonly string[]>
}
