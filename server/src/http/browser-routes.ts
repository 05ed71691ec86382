import type { SignInOptions } from '@atrium/contract/portal-page.ts'

import type { ProfileOfferings } from '#hub/profile-offers.ts'
import type { ServerModels } from '#hub/server-models.ts'
import { buildServerPath } from '#hub/server-paths.ts'
import type { ServerStarter } from '#hub/server-starter.ts'
import type { ShareCodes } from '#hub/share-codes.ts'
import type { Identity } from '#identity/identity.ts'
import type { OauthProvider } from '#oauth/oauth.ts'
import type { Clock } from '#platform/clock.ts'
import type { JobKey } from '#scheduler/job.ts'
import { type BrowserSignIn, createBrowserSignIn } from './browser-sign-in.ts'
import type { Route } from './define-route.ts'
import type { PortalBuild } from './portal/portal-build.ts'
import { createPortalPages, type PortalPages } from './portal/portal-pages.ts'
import { createAccountRoutes } from './routes/api/account.ts'
import { createInvitationRoutes } from './routes/api/invitations.ts'
import { createLinkRoutes } from './routes/api/links.ts'
import { createSessionRoutes } from './routes/api/session.ts'
import { createAcceptShareRoutes } from './routes/hub/accept-share.ts'
import { createLoginRoutes } from './routes/hub/login.ts'
import { createOauthRoutes } from './routes/hub/oauth.ts'
import { createPageRoutes } from './routes/hub/pages.ts'
import { createCspReportRoutes, createUserRedirectRoutes, findHubRedirect } from './routes/hub/redirects.ts'
import { createSpawnPageRoutes } from './routes/hub/spawn-pages.ts'
import { createStaticRoutes } from './routes/hub/static-files.ts'
import { createUserPageRoutes } from './routes/hub/user-pages.ts'
import { createSessionCookies } from './session-cookies.ts'

export interface BrowserRoutesOptions {
  identity: Identity
  oauth: OauthProvider
  hub: {
    readonly models: Pick<ServerModels, 'find'>
    readonly starter: ServerStarter
    readonly profiles: Pick<ProfileOfferings, 'list'>
    readonly shareCodes: Pick<ShareCodes, 'find' | 'exchange'>
    waitForStart(key: JobKey, waitMs: number): Promise<'ready' | 'pending'>
  }
  /** The built portal: `openPortalBuild(folder)`. */
  build: PortalBuild
  clock: Clock
  version: string
  platformName: string
  signIn: SignInOptions
  announcement?: string
  /** Browsers come over https. */
  secure: boolean
  /** A browser stays signed in this long after its last visit. */
  sessionMs: number
  /** Where browsers reach the platform, if an administrator said so. */
  publicUrl?: string
  /** Where a user without another destination goes: to the portal, or like JupyterHub's `redirect_to_server` to their own server. */
  landing: 'home' | 'server'
}

/** Everything a browser meets that is not the REST API of a resource: pages, sign-in, OAuth, static files. */
export interface BrowserRoutes {
  readonly routes: readonly Route[]
  /** For `AppOptions.renderErrorPage`. */
  readonly renderErrorPage: PortalPages['renderError']
  /** For `AppOptions.findRedirect`. */
  readonly findRedirect: (path: string) => string | undefined
}

export function createBrowserRoutes(options: BrowserRoutesOptions): BrowserRoutes {
  const { identity, oauth, hub, build, clock, publicUrl } = options
  const { users, passwords, sessions, links } = identity
  const cookies = createSessionCookies(options)
  const pages = createPortalPages({
    ...options,
    indexHtml: build.indexHtml,
    cookies,
    groupsOf: async (id) => (await users.groupsOf([id])).get(id) ?? [],
  })
  const findLanding = createLandingFinder(options)
  const signIn: BrowserSignIn = createBrowserSignIn({ passwords, sessions, cookies, findLanding })
  const linkOptions = { links, users, signIn, ...(publicUrl === undefined ? {} : { publicUrl }) }
  const serverOptions = {
    pages,
    users,
    servers: hub.models,
    starter: hub.starter,
    profiles: hub.profiles,
    waitForStart: hub.waitForStart,
    clock,
  }
  const routes = [
    ...createLoginRoutes({ signIn, pages }),
    ...createSessionRoutes({ signIn }),
    ...createAccountRoutes({ users, passwords, sessions }),
    ...createLinkRoutes(linkOptions),
    ...createInvitationRoutes(linkOptions),
    ...createOauthRoutes({ oauth, pages }),
    ...createPageRoutes({ pages, signIn }),
    ...createSpawnPageRoutes(serverOptions),
    ...createUserPageRoutes(serverOptions),
    ...createAcceptShareRoutes({ pages, codes: hub.shareCodes }),
    ...createUserRedirectRoutes(),
    ...createCspReportRoutes(),
    ...createStaticRoutes(build),
  ]
  return { routes, renderErrorPage: pages.renderError, findRedirect: findHubRedirect }
}

/** JupyterHub's rule for `redirect_to_server`: the own server when it is active, else the page that starts it. */
function createLandingFinder({
  landing,
  identity,
  hub,
}: BrowserRoutesOptions): (user: string) => Promise<string> {
  if (landing === 'home') return async () => '/hub/home'
  return async (name) => {
    const user = await identity.users.get(name)
    const server = await hub.models.find(user, '')
    return server === undefined || server.stopped ? '/hub/spawn' : buildServerPath(name)
  }
}
