import { userInfo } from 'node:os'

import { createSystemAccounts } from '#identity/system-accounts.ts'
import { systemClock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'
import { createCommandClient } from '#scheduler/drivers/slurm/command-client.ts'
import { createFallbackClient } from '#scheduler/drivers/slurm/fallback-client.ts'
import { createOwnerCommands } from '#scheduler/drivers/slurm/helper-call.ts'
import { createRestClient } from '#scheduler/drivers/slurm/rest-client.ts'
import { createFileTokens, createMintedTokens, type RestTokens } from '#scheduler/drivers/slurm/rest-token.ts'
import { createRestTransport } from '#scheduler/drivers/slurm/rest-transport.ts'
import type { SlurmCommands } from '#scheduler/drivers/slurm/run-slurm-command.ts'
import type { SlurmClient } from '#scheduler/drivers/slurm/slurm-client.ts'

import type { SlurmSection } from './slurm-driver.ts'

type RestSection = NonNullable<SlurmSection['rest']>

/** The way to Slurm that the configuration describes: slurmrestd where there is one, and the commands. */
export function createSlurmClient(
  section: SlurmSection,
  { callTimeoutMs, log }: { callTimeoutMs: number; log: Logger },
): SlurmClient {
  const { helper, rest: restSection } = section
  const commands = createCommandClient(
    buildSlurmCommands(section, callTimeoutMs),
    createOwnerCommands({ argv: helper, timeoutMs: callTimeoutMs }),
  )
  if (restSection === undefined) return commands
  const rest = createRest(restSection, callTimeoutMs)
  const both = createFallbackClient({ rest, commands, clock: systemClock, log })
  return restSection.submits ? both : { ...both, submit: commands.submit, cancel: commands.cancel }
}

/** slurmrestd alone. */
export function createRest(section: RestSection, timeoutMs: number): SlurmClient {
  const accounts = createSystemAccounts()
  return createRestClient({
    transport: createRestTransport({ url: section.url, timeoutMs }),
    tokens: createTokens(section),
    reader: section.user ?? userInfo().username,
    findUid: async (login) => (await accounts.find(login))?.uid,
    clock: systemClock,
  })
}

function createTokens({ jwtKeyFile, tokenFile }: RestSection): RestTokens {
  if (jwtKeyFile !== undefined) return createMintedTokens({ keyFile: jwtKeyFile, clock: systemClock })
  // The configuration was not taken without one of the two.
  return createFileTokens({ tokenFile: tokenFile ?? '' })
}

/** Where the commands are, by the configuration. */
export function buildSlurmCommands(
  { commands: folder, slurmConf }: SlurmSection,
  timeoutMs: number,
): SlurmCommands {
  return {
    ...(folder === undefined ? {} : { folder }),
    ...(slurmConf === undefined ? {} : { configFile: slurmConf }),
    timeoutMs,
  }
}
