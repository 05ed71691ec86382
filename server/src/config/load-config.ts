import { readFile } from 'node:fs/promises'

import { ConfigError } from './config-problem.ts'
import { applyDefaults } from './defaults.ts'
import { type Config, configSchema } from './schema.ts'

/** The configuration without any file. */
export function buildDefaultConfig(): Config {
  // The schema describes every default, so an empty file is a whole configuration.
  return applyDefaults(configSchema, {}) as Config
}

/** Reads and checks a file; throws a `ConfigError` with all problems. The parser is only loaded when there is a file. */
export async function loadConfig(file: string): Promise<Config> {
  const text = await readConfigFile(file)
  const { parseConfig } = await import('./parse-config.ts')
  return parseConfig(text, file)
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'this is a folder',
  EACCES: 'it may not be read by this user',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'it is not in UTF-8: save it so (iconv -t UTF-8)',
}

async function readConfigFile(file: string): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file))
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'error'
    const reason = reasons[code] ?? `it cannot be read (${code})`
    throw new ConfigError([{ file, line: 1, column: 1, path: '', message: reason }])
  }
}
