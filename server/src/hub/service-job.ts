import { createHash } from 'node:crypto'

import type { JobOwner } from '#scheduler/job.ts'
import type { JobRequest } from '#scheduler/job-record.ts'
import { hubPath } from './server-paths.ts'
import {
  buildServicePath,
  findRedirectUri,
  findServiceClientId,
  type ServiceConfig,
} from './service-config.ts'

/** What the jobs of all services share. */
export interface ServiceJobSettings {
  /** Where jobs reach the hub, without a path. */
  hubUrl: string
  /** Where browsers reach the platform, if an administrator said so. */
  publicUrl?: string
  /** Its programs come first on PATH: `jupyterhub-idle-culler` and others of the default environment. */
  environmentPrefix: string
  /** Who services run as. */
  owner: JobOwner
  /** Which scheduler runs them. Default: the one that runs servers. */
  driver?: string
  /** Between asking a service to end and ending it by force. */
  stopGraceMs: number
}

/** What the scheduler knows a service's jobs by. */
export function buildServiceSubject(name: string): string {
  return `service:${name}`
}

/** The service a job is of; undefined for other kinds of jobs. */
export function parseServiceSubject(subject: string): string | undefined {
  return subject.startsWith('service:') ? subject.slice('service:'.length) : undefined
}

/** Tells by a job's label whether it is of the present configuration. */
export function buildServiceVersion(service: ServiceConfig): string {
  const { command, environment, url, apiToken, admin: _, ...rest } = service
  // A digest of the token, so that a new one restarts the service; too little of it to find the token by.
  const parts = [command, environment, url, apiToken ?? null, rest.oauthClientId ?? null]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16)
}

/** The job of a service with a command, with the environment JupyterHub gives. */
export function buildServiceJob(
  settings: ServiceJobSettings,
  service: ServiceConfig & { command: readonly [string, ...string[]] },
  token: string,
): JobRequest {
  const { owner, driver, stopGraceMs } = settings
  return {
    kind: 'app',
    ...(driver === undefined ? {} : { driver }),
    userId: null,
    subject: buildServiceSubject(service.name),
    spec: {
      owner,
      command: service.command,
      environment: buildServiceEnvironment(settings, service),
      workingDirectory: owner.home,
      resources: {},
      tasks: 1,
      ports: [],
      labels: { version: buildServiceVersion(service) },
    },
    secrets: { JUPYTERHUB_API_TOKEN: token, JPY_API_TOKEN: token },
    policy: { graceMs: stopGraceMs },
  }
}

function buildServiceEnvironment(
  { hubUrl, publicUrl, environmentPrefix, owner }: ServiceJobSettings,
  service: ServiceConfig,
): Record<string, string> {
  const { name, url } = service
  const path = buildServicePath(name)
  const accessScopes = JSON.stringify(['access:services', `access:services!service=${name}`])
  return {
    PATH: `${environmentPrefix}/bin:/usr/local/bin:/usr/bin:/bin`,
    HOME: owner.home,
    USER: owner.login,
    LOGNAME: owner.login,
    LANG: 'C.UTF-8',
    JUPYTERHUB_CLIENT_ID: findServiceClientId(service),
    JUPYTERHUB_COOKIE_HOST_PREFIX_ENABLED: '0',
    JUPYTERHUB_HOST: '',
    JUPYTERHUB_OAUTH_CALLBACK_URL: findRedirectUri(service) ?? '',
    JUPYTERHUB_OAUTH_SCOPES: accessScopes,
    JUPYTERHUB_OAUTH_ACCESS_SCOPES: accessScopes,
    JUPYTERHUB_OAUTH_CLIENT_ALLOWED_SCOPES: JSON.stringify(service.oauthClientAllowedScopes),
    JUPYTERHUB_USER: '',
    JUPYTERHUB_SERVER_NAME: '',
    JUPYTERHUB_API_URL: `${hubUrl}${hubPath}api`,
    JUPYTERHUB_BASE_URL: '/',
    JUPYTERHUB_PUBLIC_URL: publicUrl === undefined || url === undefined ? '' : `${publicUrl}${path}`,
    JUPYTERHUB_PUBLIC_HUB_URL: publicUrl === undefined ? '' : `${publicUrl}${hubPath}`,
    JUPYTERHUB_SERVICE_NAME: name,
    ...(url === undefined ? {} : { JUPYTERHUB_SERVICE_URL: url, JUPYTERHUB_SERVICE_PREFIX: path }),
    ...service.environment,
  }
}
