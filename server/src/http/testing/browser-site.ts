import type { FastifyInstance } from 'fastify'

import { createApp } from '#http/app.ts'
import { type BrowserRoutesOptions, createBrowserRoutes } from '#http/browser-routes.ts'
import type { PortalBuild } from '#http/portal/portal-build.ts'
import { createProfiles } from '#hub/profiles.ts'
import type { HubServerModel } from '#hub/server-model.ts'
import { buildServerModel, buildUnusedServer } from '#hub/server-model.ts'
import type { StartedServer, StartRequest } from '#hub/server-starter.ts'
import { createShareCodes } from '#hub/share-codes.ts'
import type { Identity } from '#identity/identity.ts'
import { ensureOauthClient } from '#identity/oauth-clients.ts'
import { createTestIdentity } from '#identity/testing.ts'
import type { User } from '#identity/users.ts'
import { createOauthProvider } from '#oauth/oauth.ts'
import { systemActor } from '#observe/audit.ts'
import { createFakeClock, type FakeClock } from '#platform/fake-clock.ts'
import { createSilentLogger } from '#platform/log.ts'
import type { Store } from '#store/store.ts'
import type { TestStoreKind, TestStoreSite } from '#store/testing.ts'

export const password = 'correct horse battery'

/** One replica of a platform as far as browsers see it: real store and identity; servers are what the test says they are. */
export interface BrowserSite {
  readonly app: FastifyInstance
  readonly store: Store
  readonly identity: Identity
  readonly clock: FakeClock
  /** Servers by `USER/SERVER`; the default one of a user who is not here is stopped. */
  readonly servers: Map<string, HubServerModel>
  /** Starts that were asked for. */
  readonly starts: StartRequest[]
  /** A user who signs in with `password`. */
  createUser(name: string, options?: { admin?: boolean }): Promise<User>
  close(): Promise<void>
}

export interface BrowserSiteOptions {
  site: TestStoreSite
  clock?: FakeClock
  secure?: boolean
  trustedClients?: readonly string[]
  profiles?: readonly string[]
  build?: PortalBuild
  landing?: 'home' | 'server'
  /** How a start goes; default: it takes long. */
  startOutcome?: 'ready' | 'pending' | 'failed'
}

/** Opens a replica on a test's site. */
export async function openBrowserSite(options: BrowserSiteOptions): Promise<BrowserSite> {
  const clock = options.clock ?? createFakeClock()
  const store = await options.site.open({ clock })
  const identity = createTestIdentity({ store, clock })
  await identity.applyConfig({ admins: [], groups: {}, roles: [] })
  const servers = new Map<string, HubServerModel>()
  const starts: StartRequest[] = []
  const app = createSiteApp({ store, identity, clock, servers, starts }, options)
  return {
    app,
    store,
    identity,
    clock,
    servers,
    starts,
    async createUser(name, { admin = false } = {}) {
      const [user] = await identity.users.create([{ name, admin }], systemActor)
      if (user === undefined) throw new Error(`no user ${name}`)
      await identity.passwords.setPassword(user.id, password, systemActor)
      return user
    },
    async close() {
      await app.close()
      await identity.close()
      await store.close()
    },
  }
}

type SiteParts = Pick<BrowserSite, 'store' | 'identity' | 'clock' | 'servers' | 'starts'>

function createSiteApp(
  parts: SiteParts,
  { secure = false, ...options }: BrowserSiteOptions,
): FastifyInstance {
  const { store, identity, clock } = parts
  const log = createSilentLogger()
  const oauth = createOauthProvider({
    store,
    identity,
    clock,
    log,
    trustedClients: new Set(options.trustedClients),
    requirePkce: false,
    tokenLifetimeMs: 14 * 86_400_000,
  })
  const browser = createBrowserRoutes({
    identity,
    oauth,
    hub: createHub(parts, options),
    build: options.build ?? { indexHtml: undefined, files: new Map() },
    clock,
    version: '0',
    platformName: 'Test',
    signIn: { password: true, providers: [] },
    secure,
    sessionMs: 14 * 86_400_000,
    landing: options.landing ?? 'home',
  })
  return createApp({
    ...browser,
    principals: identity.principals,
    xsrfKey: Buffer.alloc(32, 7),
    secure,
    log,
  })
}

/** The hub's part: servers are in the map, starts are written down and come to nothing. */
function createHub(
  { store, clock, servers, starts }: SiteParts,
  { profiles = [], startOutcome = 'pending' }: Pick<BrowserSiteOptions, 'profiles' | 'startOutcome'>,
): BrowserRoutesOptions['hub'] {
  return {
    models: {
      find: async ({ name }, server) => servers.get(`${name}/${server}`) ?? findUnused(name, server),
    },
    starter: {
      async start(request) {
        starts.push(request)
        // Nobody looks at more of the job.
        return { isNew: true, job: { key: 'job' } } as StartedServer
      },
    },
    profiles: {
      async list({ name }) {
        const idle = { stop: false, afterMs: 0, warningMs: 0, cpuCores: 1 }
        const all = createProfiles({ profiles: profiles.map((name) => ({ name })), idle })
        const offered = all.list({ name, groups: [], roles: [] })
        return { offers: offered.map((profile) => ({ profile, accounts: [] })), withheld: [] }
      },
    },
    shareCodes: createShareCodes({ store, clock }),
    async waitForStart() {
      if (startOutcome === 'failed') throw new Error('Spawner failed to start')
      return startOutcome
    },
  }
}

function findUnused(user: string, server: string): HubServerModel | undefined {
  return server === ''
    ? buildServerModel(buildUnusedServer({ id: 0, name: user }), undefined, { includeState: false })
    : undefined
}

/** A running server of a user: its record, its OAuth client and the client's secret. */
export async function registerServer(
  site: BrowserSite,
  owner: User,
  secret: string,
): Promise<{ clientId: string; redirectUri: string }> {
  const redirectUri = `/user/${owner.name}/oauth_callback`
  const clientId = `jupyterhub-user-${owner.name}`
  await site.store.transaction(async (tx) => {
    const { id } = await tx.db
      .insertInto('servers')
      .values({ user_id: owner.id, name: '', display_name: '', user_options: '{}', created_at: 0 })
      .returning('id')
      .executeTakeFirstOrThrow()
    await ensureOauthClient(tx, {
      clientId,
      secret,
      redirectUris: [redirectUri],
      allowedScopes: [],
      description: `Server at /user/${owner.name}/`,
      serverId: id,
      serviceId: null,
      createdAtMs: 0,
    })
  })
  return { clientId, redirectUri }
}

/** Runs `check` on a fresh site of this kind of store, with one replica. */
export async function withSite(
  kind: TestStoreKind,
  check: (site: BrowserSite, storeSite: TestStoreSite) => Promise<void>,
  options: Omit<BrowserSiteOptions, 'site'> = {},
): Promise<void> {
  const storeSite = await kind.createSite()
  try {
    const site = await openBrowserSite({ ...options, site: storeSite })
    try {
      await check(site, storeSite)
    } finally {
      await site.close()
    }
  } finally {
    await storeSite.dispose()
  }
}
