import { createLogger, type Logger } from '#platform/log.ts'

/** The log of the programs that Slurm runs: a file, and the terminal when a person runs them. Without a file it is standard error. */
export function openPowerLog(file: string, verb: string): Logger {
  const name = `slurm-${verb}`
  if (process.stderr.isTTY) return createLogger({ name, forPeople: true })
  try {
    return createLogger({ name, file })
  } catch (error) {
    const log = createLogger({ name })
    log.warn({ err: error, file }, 'the log file cannot be written')
    return log
  }
}
