import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

import { CliError, exitCodes } from './output.ts'

/** What a running platform writes of itself to `DATA/platform.json`. */
export interface PlatformInfo {
  publicUrl: string
  /** Unix socket of the control plane. */
  controlSocket: string
  /** File with the local administrator's token. */
  tokenFile: string
  pid: number
  version: string
}

/** The data folder meant: `--data`, `ATRIUM_DATA`, or where `atrium up` puts it. */
export function findDataFolder(given: string | undefined): string {
  if (given !== undefined) return given
  const fromEnvironment = process.env['ATRIUM_DATA']
  if (fromEnvironment !== undefined) return fromEnvironment
  if (process.getuid?.() === 0) return '/var/lib/atrium'
  return join(process.env['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share'), 'atrium')
}

/** Reads `platform.json`; throws a `CliError` that says how to start when there is none. */
export async function readPlatformInfo(data: string): Promise<PlatformInfo> {
  try {
    return JSON.parse(await readFile(join(data, 'platform.json'), 'utf8')) as PlatformInfo
  } catch (cause) {
    throw new CliError(`No platform has been started on ${data}.`, {
      hint: 'Start one with `atrium up`, name its folder with --data DIR or ATRIUM_DATA, or a remote one with --url URL and ATRIUM_TOKEN.',
      exitCode: exitCodes.notRunning,
      ...(cause instanceof SyntaxError
        ? { hint: 'platform.json is damaged: start the platform again.' }
        : {}),
    })
  }
}
