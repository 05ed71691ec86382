import type { Logger } from '#platform/log.ts'
import { createCommandClient } from '#scheduler/drivers/slurm/command-client.ts'
import { createOwnerCommands } from '#scheduler/drivers/slurm/helper-call.ts'
import type { SlurmClient } from '#scheduler/drivers/slurm/slurm-client.ts'

import type { SlurmSection } from './slurm-driver.ts'

/** The way to Slurm that the configuration describes. */
export function createSlurmClient(
  section: SlurmSection,
  { callTimeoutMs }: { callTimeoutMs: number; log: Logger },
): SlurmClient {
  const { commands, slurmConf, helper } = section
  return createCommandClient(
    {
      ...(commands === undefined ? {} : { folder: commands }),
      ...(slurmConf === undefined ? {} : { configFile: slurmConf }),
      timeoutMs: callTimeoutMs,
    },
    createOwnerCommands({ argv: helper, timeoutMs: callTimeoutMs }),
  )
}
