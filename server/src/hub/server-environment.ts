import { buildClientEnvironment, extendEnvironment } from '#scheduler/client-environment.ts'
import type { JobResources } from '#scheduler/job.ts'
import { buildLoginEnvironment, type LoginEnvironmentInput } from '#scheduler/login-environment.ts'

import { buildServerClientId, buildServerPath, escapePathSegment, hubPath } from './server-paths.ts'

/** What the environment of one server depends on. */
export interface ServerEnvironmentInput extends LoginEnvironmentInput {
  user: string
  /** Empty for the default server. */
  server: string
  resources: JobResources
  /** Folder with the package `atrium_client`. */
  clientFolder: string
  /** Where jobs reach the hub, without a path; it must stay the same over restarts of the control plane. */
  hubUrl: string
  /** Where browsers reach the platform, if an administrator said so. */
  publicUrl?: string
  /** Where the server opens, `/lab`. */
  defaultUrl: string
  /** Address the server listens on. */
  bindHost: string
  /** How tools in the server find what else the platform has. */
  tools: Readonly<Record<string, string>>
  /** The administrator's own variables; they win (on PYTHONPATH ours comes first). */
  extra: Readonly<Record<string, string>>
}

/** The name of the port a server listens on. */
export const serverPort = 'http'

/**
 * The environment JupyterHub 6 gives to `jupyterhub-singleuser`, secrets apart (`buildServerSecrets`), and what a login would give.
 * MPLBACKEND stays unset: ipykernel chooses the inline backend only then.
 */
export function buildServerEnvironment(input: ServerEnvironmentInput): Record<string, string> {
  const { user, server, hubUrl } = input
  const path = buildServerPath(user, server)
  const apiUrl = `${hubUrl}${hubPath}api`
  const accessScopes = JSON.stringify(buildAccessScopes(user, server))
  const login = buildLoginEnvironment(input)
  const own = {
    ...login,
    // `atrium`, unless the environment or the system has one.
    PATH: `${login['PATH']}:${input.clientFolder}/atrium_client/bin`,
    ...buildClientEnvironment({ clientFolder: input.clientFolder, apiUrl: hubUrl }),
    ...buildLimitEnvironment(input.resources),
    ...input.tools,
    JUPYTERHUB_CLIENT_ID: buildServerClientId(user, server),
    JUPYTERHUB_COOKIE_HOST_PREFIX_ENABLED: '0',
    JUPYTERHUB_HOST: '',
    JUPYTERHUB_OAUTH_CALLBACK_URL: `${path}oauth_callback`,
    JUPYTERHUB_OAUTH_SCOPES: accessScopes,
    JUPYTERHUB_OAUTH_ACCESS_SCOPES: accessScopes,
    JUPYTERHUB_OAUTH_CLIENT_ALLOWED_SCOPES: '[]',
    JUPYTERHUB_USER: user,
    JUPYTERHUB_SERVER_NAME: server,
    JUPYTERHUB_API_URL: apiUrl,
    JUPYTERHUB_ACTIVITY_URL: `${apiUrl}/users/${escapePathSegment(user)}/activity`,
    JUPYTERHUB_BASE_URL: '/',
    JUPYTERHUB_SERVICE_PREFIX: path,
    JUPYTERHUB_SERVICE_URL: `http://${input.bindHost}:{port:${serverPort}}${path}`,
    JUPYTERHUB_PUBLIC_URL: input.publicUrl === undefined ? '' : `${input.publicUrl}${path}`,
    JUPYTERHUB_PUBLIC_HUB_URL: input.publicUrl === undefined ? '' : `${input.publicUrl}${hubPath}`,
    JUPYTERHUB_DEFAULT_URL: input.defaultUrl,
  }
  return extendEnvironment(own, input.extra)
}

/** The variables that must not be seen by anybody else. */
export function buildServerSecrets(token: string): Record<string, string> {
  return {
    JUPYTERHUB_API_TOKEN: token,
    // Read by jupyterhub-singleuser before 0.7.2.
    JPY_API_TOKEN: token,
  }
}

/** Scopes of which a visitor needs one. */
export function buildAccessScopes(user: string, server: string): readonly string[] {
  return [`access:servers!server=${user}/${server}`, `access:servers!user=${user}`]
}

/** Not enforcement: what tools inside show to people. */
function buildLimitEnvironment({ cpu, memoryBytes }: JobResources): Record<string, string> {
  return {
    ...(cpu === undefined ? {} : { CPU_LIMIT: String(cpu) }),
    ...(memoryBytes === undefined ? {} : { MEM_LIMIT: String(memoryBytes) }),
  }
}
