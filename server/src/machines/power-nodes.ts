import type { Logger } from '#platform/log.ts'

import type { MachineOutcomes, MachineProvider } from './machine-provider.ts'
import type { NodeAddress, SlurmController } from './slurm-controller.ts'

export interface PowerContext {
  machines: MachineProvider
  slurm: SlurmController
  log: Logger
  signal: AbortSignal
}

/**
 * Slurm wants these nodes: makes their machines and tells slurmctld where they are. A node whose machine could not be made goes down at
 * once, so that its jobs do not wait for ResumeTimeout. Answers whether all went well.
 */
export async function resumeNodes(context: PowerContext, nodes: readonly string[]): Promise<boolean> {
  const { machines, log, signal } = context
  log.info({ nodes }, 'nodes are wanted')
  const outcomes = await machines.start(nodes, { signal })
  logFailures(log, outcomes, 'the machine could not be made')
  const [told, down] = await Promise.all([tellAddresses(context, outcomes), giveUp(context, outcomes)])
  const started = listDone(outcomes)
  if (started.length > 0) log.info({ nodes: started }, 'machines are starting')
  return told && down && started.length === nodes.length
}

/** Slurm does not need these nodes: removes their machines. Answers whether all went well. */
export async function suspendNodes(context: PowerContext, nodes: readonly string[]): Promise<boolean> {
  context.log.info({ nodes }, 'nodes are not needed')
  return (await removeMachines(context, nodes)).length === nodes.length
}

/**
 * These nodes did not answer within ResumeTimeout; Slurm has requeued their jobs and left the nodes down. What there is of their machines
 * is removed, or it would cost money unseen; then the nodes may be wanted again. Answers whether all went well.
 */
export async function cleanFailedNodes(context: PowerContext, nodes: readonly string[]): Promise<boolean> {
  const { slurm, log } = context
  log.warn({ nodes }, 'nodes did not answer in time')
  const removed = await removeMachines(context, nodes)
  if (removed.length === 0) return false
  try {
    await slurm.setAvailable(removed)
    return removed.length === nodes.length
  } catch (error) {
    log.error({ err: error, nodes: removed }, 'slurmctld was not told that the nodes may be wanted again')
    return false
  }
}

/**
 * Removes machines that Slurm does not know to be there: it runs SuspendProgram once, and does not ask whether that went well. Of these
 * nodes; those whose provider cannot tell what there is are left alone. Answers whether all went well.
 */
export async function sweepMachines(context: PowerContext, nodes: readonly string[]): Promise<boolean> {
  const { machines, slurm, log, signal } = context
  // In this order: a machine that is ordered in between is not in the list.
  const present = (await machines.list?.(nodes, { signal })) ?? []
  if (present.length === 0) return true
  const forgotten = await slurm.listPoweredDown(present)
  if (forgotten.length === 0) return true
  log.warn({ nodes: forgotten }, 'machines are there that nobody needs')
  return (await removeMachines(context, forgotten)).length === forgotten.length
}

/** Answers the nodes that have no machine now. */
async function removeMachines(
  { machines, log, signal }: PowerContext,
  nodes: readonly string[],
): Promise<readonly string[]> {
  const outcomes = await machines.stop(nodes, { signal })
  logFailures(log, outcomes, 'the machine could not be removed')
  const removed = listDone(outcomes)
  if (removed.length > 0) log.info({ nodes: removed }, 'machines are removed')
  return removed
}

async function tellAddresses({ slurm, log }: PowerContext, outcomes: MachineOutcomes): Promise<boolean> {
  const addresses = [...outcomes].flatMap(([node, outcome]): NodeAddress[] =>
    outcome.ok && outcome.address !== undefined
      ? [{ node, address: outcome.address, hostname: outcome.hostname ?? node }]
      : [],
  )
  if (addresses.length === 0) return true
  try {
    await slurm.setAddresses(addresses)
    return true
  } catch (error) {
    log.error({ err: error, addresses }, 'slurmctld was not told where the nodes are')
    return false
  }
}

async function giveUp({ slurm, log }: PowerContext, outcomes: MachineOutcomes): Promise<boolean> {
  const byReason = Map.groupBy(
    [...outcomes].flatMap(([node, outcome]) => (outcome.ok ? [] : [{ node, reason: outcome.reason }])),
    ({ reason }) => reason,
  )
  let told = true
  for (const [reason, entries] of byReason) {
    const nodes = entries.map(({ node }) => node)
    try {
      await slurm.setDown(nodes, `Atrium: no machine: ${reason}`)
    } catch (error) {
      told = false
      log.error({ err: error, nodes }, 'slurmctld was not told that the nodes could not be made')
    }
  }
  return told
}

function logFailures(log: Logger, outcomes: MachineOutcomes, message: string): void {
  for (const [node, outcome] of outcomes)
    if (!outcome.ok) log.error({ node, reason: outcome.reason }, message)
}

function listDone(outcomes: MachineOutcomes): readonly string[] {
  return [...outcomes].flatMap(([node, { ok }]) => (ok ? [node] : []))
}
