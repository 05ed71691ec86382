/** A service as an administrator configured it; JupyterHub's meaning. */
export interface ServiceConfig {
  name: string
  /** Where it answers; users reach it under `/services/NAME/`. */
  url?: string
  /** argv of a service that the platform runs and keeps running. */
  command?: readonly [string, ...string[]]
  /** For `command`. */
  environment: Readonly<Record<string, string>>
  /** Its API token, read from its file. Absent: one is made at each start of `command`; without that it has none. */
  apiToken?: string
  admin: boolean
  display: boolean
  info: Readonly<Record<string, unknown>>
  /** Default: `service-NAME`. */
  oauthClientId?: string
  /** Default: `/services/NAME/oauth_callback`. */
  oauthRedirectUri?: string
  /** Scopes its OAuth tokens may carry besides access to itself. */
  oauthClientAllowedScopes: readonly string[]
}

/** Path under which users reach a service. */
export function buildServicePath(name: string): string {
  return `/services/${name}/`
}

/** The id by which a service signs people in. */
export function findServiceClientId({ name, oauthClientId }: ServiceConfig): string {
  return oauthClientId ?? `service-${name}`
}

/** Where a service receives who signed in; undefined for one that signs nobody in. */
export function findRedirectUri({ name, url, oauthRedirectUri }: ServiceConfig): string | undefined {
  return oauthRedirectUri ?? (url === undefined ? undefined : `${buildServicePath(name)}oauth_callback`)
}
