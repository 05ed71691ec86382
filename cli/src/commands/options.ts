import type { Command } from 'commander'

/** Adds what every command that talks to a platform understands. */
export function withConnection(command: Command): Command {
  return command
    .option('--data <dir>', 'data folder of the platform on this machine')
    .option('--url <url>', 'a platform elsewhere; ATRIUM_TOKEN holds a token for it')
    .option('--json', 'answer in JSON')
}

/** Collects a repeatable option. */
export function collect(value: string, previous: readonly string[] = []): string[] {
  return [...previous, value]
}

/** A name as one segment of a path. */
export function segment(name: string): string {
  return encodeURIComponent(name)
}
