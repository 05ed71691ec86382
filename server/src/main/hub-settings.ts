import { readFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { resolve } from 'node:path'

import type { Config } from '#config/schema.ts'
import { parseDurationMs } from '#config/units.ts'
import { buildGatewayVariables } from '#dask/gateway-variables.ts'
import type { ServerSettings } from '#hub/server-job.ts'
import type { ServiceConfig } from '#hub/service-config.ts'
import type { ServiceJobSettings } from '#hub/service-job.ts'

import type { DataFolder } from './data-folder.ts'
import { localAdministrator } from './local-administrator.ts'

/** Who services of the platform run as where jobs run as their owners: `nobody` of every Linux. */
const nobody = { login: 'nobody', uid: 65_534, gid: 65_534 }

/** What holds for every notebook server. `given`: what follows from where they run. */
export function buildServerSettings(
  config: Config,
  given: Pick<ServerSettings, 'hubUrl' | 'bindHost' | 'warmStart' | 'clientFolder' | 'environmentPrefix'> & {
    edge: { publicUrl: string }
  },
): ServerSettings {
  const { servers, dask } = config
  const {
    edge: { publicUrl: browserUrl },
    ...settings
  } = given
  const [program, ...args] = servers.command ?? []
  const said = config.edge.publicUrl
  const publicUrl = said === undefined ? {} : { publicUrl: new URL(said).origin }
  return {
    ...settings,
    tools: dask.enabled ? buildGatewayVariables({ ...settings, ...publicUrl, browserUrl }) : {},
    defaultUrl: servers.defaultUrl,
    environment: servers.environment,
    namedServers: servers.named,
    startTimeoutMs: parseDurationMs(servers.startTimeout),
    stopGraceMs: parseDurationMs(servers.stopGrace),
    timeWarningMs: parseDurationMs(servers.timeWarning),
    ...publicUrl,
    ...(program === undefined ? {} : { command: [program, ...args] }),
  }
}

/** What holds for every service that the platform runs. */
export function buildServiceJobSettings(
  config: Config,
  given: Pick<ServiceJobSettings, 'hubUrl' | 'driver' | 'environmentPrefix'> & { data: DataFolder },
): ServiceJobSettings {
  const { data, ...settings } = given
  const account = process.getuid?.() === 0 ? nobody : { login: userInfo().username }
  return {
    ...settings,
    owner: { name: localAdministrator, home: data.root, ...account },
    stopGraceMs: parseDurationMs(config.servers.stopGrace),
    ...(config.edge.publicUrl === undefined ? {} : { publicUrl: new URL(config.edge.publicUrl).origin }),
  }
}

/** The services of the configuration with their tokens, and the command line of this machine, which is one too. */
export async function readServices(
  config: Config,
  localToken: string | undefined,
): Promise<readonly ServiceConfig[]> {
  const configured = await Promise.all(config.services.map(readService))
  const local: ServiceConfig = {
    name: localAdministrator,
    ...(localToken === undefined ? {} : { apiToken: localToken }),
    admin: true,
    display: false,
    environment: {},
    info: {},
    oauthClientAllowedScopes: [],
  }
  return [...configured, local]
}

async function readService(service: Config['services'][number]): Promise<ServiceConfig> {
  const { apiTokenFile, command, oauthNoConfirm: _, ...rest } = service
  const [program, ...args] = command ?? []
  return {
    ...rest,
    ...(program === undefined ? {} : { command: [program, ...args] }),
    ...(apiTokenFile === undefined
      ? {}
      : { apiToken: (await readFile(resolve(apiTokenFile), 'utf8')).trim() }),
  }
}
