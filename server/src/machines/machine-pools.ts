import type { MachineOutcome, MachineOutcomes, MachineProvider } from './machine-provider.ts'

/** Nodes that are made the same way. */
export interface MachinePool {
  nodes: ReadonlySet<string>
  provider: MachineProvider
}

/** All pools as one provider. A node of no pool fails; a provider that fails as a whole fails for its nodes alone. */
export function combinePools(pools: readonly MachinePool[]): MachineProvider {
  return {
    start: (nodes, options) => askAll(pools, nodes, (provider, part) => provider.start(part, options)),
    stop: (nodes, options) => askAll(pools, nodes, (provider, part) => provider.stop(part, options)),
    async list(nodes, options) {
      const parts = pools.map(
        async (pool, at) => (await pool.provider.list?.(ownNodes(pools, at, nodes), options)) ?? [],
      )
      return (await Promise.all(parts)).flat()
    },
  }
}

async function askAll(
  pools: readonly MachinePool[],
  nodes: readonly string[],
  ask: (provider: MachineProvider, nodes: readonly string[]) => Promise<MachineOutcomes>,
): Promise<MachineOutcomes> {
  const outcomes = new Map<string, MachineOutcome>(
    nodes.map((node) => [node, { ok: false, reason: 'no pool of scheduler.slurm.cloud has this node' }]),
  )
  await Promise.all(
    pools.map(async (pool, at) => {
      const part = ownNodes(pools, at, nodes)
      if (part.length === 0) return
      for (const [node, outcome] of await askPool(part, () => ask(pool.provider, part)))
        outcomes.set(node, outcome)
    }),
  )
  return outcomes
}

/** Those of the nodes that this pool makes: the first that has them. */
function ownNodes(pools: readonly MachinePool[], at: number, nodes: readonly string[]): readonly string[] {
  return nodes.filter((node) => pools.findIndex(({ nodes: own }) => own.has(node)) === at)
}

async function askPool(
  nodes: readonly string[],
  ask: () => Promise<MachineOutcomes>,
): Promise<MachineOutcomes> {
  try {
    return await ask()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return new Map(nodes.map((node) => [node, { ok: false, reason }]))
  }
}
