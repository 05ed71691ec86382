import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

import { buildDefaultConfig, loadConfig } from '#config/load-config.ts'
import type { Config } from '#config/schema.ts'
import { type DataFolder, describeDataFolder, findDefaultDataFolder } from './data-folder.ts'
import { findSharedEnvironment } from './shared-folder.ts'
import { WrongUsage } from './wrong-usage.ts'

const configName = 'atrium.yaml'

/** How this start was asked for: the command line over the configuration over the defaults. */
export interface StartOptions {
  config: Config
  data: DataFolder
  host: string
  port: number
  /** Python environment of servers. */
  environmentPrefix: string
  /** Python environment of the platform's own programs on this machine: services. */
  platformPrefix: string
  /** A pip requirements file for what is installed into it on top. */
  requirements: string | undefined
  /** Machine-readable log and ready line. */
  json: boolean
  /** `address:port` for edges of other machines; undefined: there are none. */
  listen: string | undefined
}

/** Reads the command line of `up` and `serve`, and the configuration. Throws `ConfigError` and `bad_request`. */
export async function readStartOptions(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<StartOptions> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string' },
      host: { type: 'string' },
      data: { type: 'string' },
      'env-prefix': { type: 'string' },
      config: { type: 'string' },
      listen: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  })
  const config = await readConfig(values.config)
  if (values.listen !== undefined && config.edge.external === undefined)
    throw new WrongUsage('--listen is for edges on other machines: give edge.external in the configuration.')
  const data = describeDataFolder(chooseDataFolder(values.data, config, environment), {
    givenKeys: config.keys,
  })
  const prefix = values['env-prefix'] ?? config.environment.prefix ?? findSharedEnvironment(config)
  const own = config.scheduler.driver === 'kubernetes' ? values['env-prefix'] : prefix
  const usual = resolve(data.environments, 'default')
  return {
    config,
    data,
    host: values.host ?? config.edge.host,
    port: values.port === undefined ? config.edge.port : parsePort(values.port),
    environmentPrefix: prefix === undefined ? usual : resolve(prefix),
    platformPrefix: own === undefined ? usual : resolve(own),
    requirements:
      config.environment.requirements === undefined ? undefined : resolve(config.environment.requirements),
    json: values.json,
    listen: config.edge.external === undefined ? undefined : (values.listen ?? config.controlPlane.listen),
  }
}

/** The command line over `ATRIUM_DATA` over the configuration over the default. */
export function chooseDataFolder(
  given: string | undefined,
  config: Config,
  environment: NodeJS.ProcessEnv,
): string {
  return given ?? environment['ATRIUM_DATA'] ?? config.data ?? findDefaultDataFolder(environment)
}

/** The configuration of the command line, else `atrium.yaml` here, else none at all. */
export async function readConfig(given: string | undefined): Promise<Config> {
  if (given !== undefined) return loadConfig(given)
  return existsSync(configName) ? loadConfig(configName) : buildDefaultConfig()
}

function parsePort(text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port > 65_535) {
    throw new WrongUsage(`--port ${text}: a port is a number from 0 to 65535.`)
  }
  return port
}
