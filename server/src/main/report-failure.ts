import { PlatformError } from '@atrium/contract/errors.ts'

import { ConfigError } from '#config/config-problem.ts'
import { EdgeStartError } from '#edge/drivers/builtin/ready-line.ts'

import { SetUpStopped } from './set-up.ts'
import { WrongUsage } from './wrong-usage.ts'

/** Exit codes of all commands; `cli/src/output.ts` has the same. */
const exitCodes = { failed: 1, wrongUsage: 2 } as const

/**
 * Says what people can mend in a sentence on standard error, as JSON if asked, and ends the process. What nobody foresaw is thrown on: then a
 * stack trace is what helps.
 */
export function reportFailure(error: unknown, { json }: { json: boolean }): never {
  if (!isExpected(error)) throw error
  if (json) console.error(JSON.stringify(describe(error)))
  else console.error(`atrium: ${error.message}`)
  process.exit(findExitCode(error))
}

function isExpected(error: unknown): error is Error {
  return [ConfigError, PlatformError, EdgeStartError, SetUpStopped].some((kind) => error instanceof kind)
}

function describe(error: Error): object {
  return {
    error: error.message,
    ...(error instanceof ConfigError ? { problems: error.problems } : {}),
  }
}

function findExitCode(error: Error): number {
  if (error instanceof SetUpStopped) return error.exitCode
  return error instanceof WrongUsage ? exitCodes.wrongUsage : exitCodes.failed
}
