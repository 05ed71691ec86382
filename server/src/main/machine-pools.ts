import { readFileSync } from 'node:fs'

import type { SlurmPoolConfig } from '#config/sections/slurm-cloud.ts'
import { parseDurationMs } from '#config/units.ts'
import { createAwsProvider } from '#machines/drivers/aws/aws-provider.ts'
import { createCommandProvider } from '#machines/drivers/command/command-provider.ts'
import { combinePools, type MachinePool } from '#machines/machine-pools.ts'
import type { MachineProvider } from '#machines/machine-provider.ts'
import { expandHostlist } from '#platform/hostlist.ts'

/** The pools of `scheduler.slurm.cloud` with what makes their machines. `cluster` is asked for when a provider needs the name. */
export function createMachines(
  pools: readonly SlurmPoolConfig[],
  cluster: () => Promise<string>,
): MachineProvider {
  return combinePools(
    pools.map(
      (pool): MachinePool => ({
        nodes: new Set(expandHostlist(pool.nodes)),
        provider: createProvider(pool, cluster),
      }),
    ),
  )
}

function createProvider({ command, aws }: SlurmPoolConfig, cluster: () => Promise<string>): MachineProvider {
  if (command !== undefined) {
    const { timeout, ...config } = command
    return createCommandProvider({ ...config, timeoutMs: parseDurationMs(timeout), cluster })
  }
  if (aws === undefined) throw new Error('a pool has neither command nor aws')
  const { userData, ...config } = aws
  const script = userData === undefined ? {} : { userData: readFileSync(userData, 'utf8') }
  return createAwsProvider({ ...config, ...script }, { cluster })
}
