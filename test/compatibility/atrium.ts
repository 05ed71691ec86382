import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { CreatedLink } from '@atrium/contract/account.ts'

import { type Platform, startPlatform } from '../support/platform.ts'
import { ensureTestEnvironment } from '../support/python-environment.ts'
import { type SiteService, site } from './reference/site.ts'
import { createCookieJar } from './replay/cookie-jar.ts'
import { exchange } from './replay/http-exchange.ts'
import type { HubProgram, RunningHub } from './replay/running-hub.ts'
import { type ServiceWebServer, startServiceWebServer } from './replay/service-web-server.ts'

const serverProgram = join(import.meta.dirname, 'reference/server.py')

/** Atrium as the site wants it: the same users, groups, roles and services, in the words of `atrium.yaml`. */
export function createAtrium(): HubProgram {
  return { name: 'Atrium', start: startAtrium }
}

async function startAtrium(): Promise<RunningHub> {
  const folder = await mkdtemp(join(tmpdir(), 'atrium-compatibility-'))
  await chmod(folder, 0o755)
  const gates = join(folder, 'gates')
  await mkdir(gates)
  // Users' jobs need not be able to read this checkout.
  await copyFile(serverProgram, join(folder, 'server.py'))
  const web = await startServiceWebServer()
  const cleanUp = async () => {
    await web.close()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const platform = await startPlatformOfSite(await buildConfig(folder, gates, web))
    return {
      baseUrl: platform.url.replace(/\/$/, ''),
      gates,
      readLog: () => platform.log(),
      async stop() {
        await platform.dispose()
        await cleanUp()
      },
    }
  } catch (error) {
    await cleanUp()
    throw error
  }
}

async function startPlatformOfSite(config: unknown): Promise<Platform> {
  const prefix = await ensureTestEnvironment()
  const platform = await startPlatform({ config: JSON.stringify(config), prefix })
  try {
    for (const [name, password] of Object.entries(site.users)) await createPerson(platform, name, password)
  } catch (error) {
    await platform.dispose()
    throw error
  }
  return platform
}

async function buildConfig(folder: string, gates: string, web: ServiceWebServer): Promise<unknown> {
  return {
    admins: site.admins,
    groups: site.groups,
    roles: site.roles,
    services: await Promise.all(site.services.map((service) => buildService(service, folder, web))),
    servers: {
      named: site.namedServerLimit,
      command: ['python3', join(folder, 'server.py')],
      environment: { COMPATIBILITY_GATES: gates },
      idle: { stop: false },
      // The server that will not go has to outlive the steps that watch it.
      stopGrace: '60s',
      warmStart: false,
    },
    signIn: { pam: 'off' },
  }
}

async function buildService(service: SiteService, folder: string, web: ServiceWebServer): Promise<unknown> {
  const apiTokenFile = join(folder, `${service.name}-token`)
  await writeFile(apiTokenFile, `${service.apiToken}\n`, { mode: 0o600 })
  return {
    name: service.name,
    apiTokenFile,
    admin: service.admin ?? false,
    display: service.display ?? true,
    info: service.info ?? {},
    oauthNoConfirm: service.oauthNoConfirm ?? false,
    oauthClientAllowedScopes: service.oauthClientAllowedScopes ?? [],
    ...(service.hasWebServer ? { url: web.url } : {}),
  }
}

/** Accounts and passwords come as an administrator and the person would make them: the one by API, the other by a one-time link. */
async function createPerson(platform: Platform, name: string, password: string): Promise<void> {
  const created = await platform.api('POST', '/hub/api/users', { body: { usernames: [name] } })
  if (created.status !== 201 && created.status !== 409) throw new Error(`${name}: ${JSON.stringify(created)}`)
  const link = await platform.api<CreatedLink>('POST', `/api/v1/users/${name}/links`, {
    body: { purpose: 'set-password' },
  })
  const jar = createCookieJar()
  const page = await exchange(platform.url, {
    method: 'GET',
    path: '/hub/set-password',
    headers: {},
    body: undefined,
  })
  jar.store(page.headers['set-cookie'] ?? [])
  const used = await exchange(platform.url, {
    method: 'POST',
    path: '/api/v1/links/use',
    headers: {
      'content-type': 'application/json',
      'x-xsrftoken': jar.find('_xsrf') ?? '',
      // The cookie's path is the hub's; the portal's own API reads it all the same.
      cookie: jar.buildHeader('/hub/') ?? '',
    },
    body: JSON.stringify({ secret: new URL(link.body.url).hash.replace('#token=', ''), password }),
  })
  if (used.status !== 200) throw new Error(`${name} has no password: ${used.status} ${used.body}`)
}
