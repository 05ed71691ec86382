import { Type } from 'typebox'

import type { BrowserSignIn } from '#http/browser-sign-in.ts'
import { defineRoute, type Route } from '#http/define-route.ts'
import type { PortalPages } from '#http/portal/portal-pages.ts'

export interface PageRoutesOptions {
  pages: PortalPages
  signIn: BrowserSignIn
}

/** Pages of the portal that everybody who is signed in may open; what they show is asked for by the API. */
const personalPaths = [
  '/hub/home',
  '/hub/compute',
  '/hub/compute/*',
  '/hub/token',
  '/hub/activity',
  '/hub/usage',
  '/hub/account',
]

const adminPaths = ['/hub/admin', '/hub/admin/*']

/** Where one-time links lead; their secret stands in the fragment. */
const linkPaths = ['/hub/first-visit', '/hub/invitation', '/hub/set-password']

const html = { responses: { 200: Type.String() } } as const

/** The portal's pages where JupyterHub has its own. */
export function createPageRoutes(options: PageRoutesOptions): Route[] {
  return [
    ...personalPaths.map((path) => personalPage(options, path)),
    ...adminPaths.map((path) => adminPage(options, path)),
    ...linkPaths.map((path) => linkPage(options, path)),
    rootPage(options),
    errorPage(options),
  ]
}

function personalPage({ pages }: PageRoutesOptions, path: string): Route {
  return defineRoute({
    method: 'GET',
    path,
    summary: 'A page of the portal.',
    tag: 'pages',
    authentication: 'session',
    access: { open: "The page itself holds nothing but the visitor's own name." },
    answers: 'page',
    schemas: html,
    handler: (request, reply) => pages.render(request, reply, { kind: 'portal' }),
  })
}

function adminPage({ pages }: PageRoutesOptions, path: string): Route {
  return defineRoute({
    method: 'GET',
    path,
    summary: 'A page for administrators.',
    tag: 'pages',
    authentication: 'session',
    access: { anyOf: ['admin-ui'], on: 'platform' },
    answers: 'page',
    schemas: html,
    handler: (request, reply) => pages.render(request, reply, { kind: 'portal' }),
  })
}

function linkPage({ pages }: PageRoutesOptions, path: string): Route {
  return defineRoute({
    method: 'GET',
    path,
    summary: 'The page that opens a one-time link.',
    tag: 'pages',
    authentication: 'optional',
    access: { open: 'The link is for who has no way in yet; its secret is checked when the page uses it.' },
    answers: 'page',
    schemas: html,
    handler: (request, reply) => pages.render(request, reply, { kind: 'portal' }),
  })
}

function rootPage({ signIn }: PageRoutesOptions): Route {
  return defineRoute({
    method: 'GET',
    path: '/hub/',
    summary: 'Sends the browser where it was going, or where signed-in users land.',
    tag: 'pages',
    authentication: 'session',
    access: { open: 'Only redirects.' },
    answers: 'page',
    schemas: { responses: { 302: null } },
    handler: async (request, reply) =>
      reply.redirect(await signIn.findDestination(request, request.principal.name)),
  })
}

/** JupyterHub's proxy shows these for servers that do not answer; links to them are found in bookmarks. */
function errorPage({ pages }: PageRoutesOptions): Route {
  return defineRoute({
    method: 'GET',
    path: '/hub/error/:status',
    summary: 'The page of an error that the proxy met.',
    tag: 'pages',
    authentication: 'optional',
    access: { open: 'Says only what an error means.' },
    answers: 'page',
    schemas: { params: Type.Object({ status: Type.Integer({ minimum: 400, maximum: 599 }) }), ...html },
    handler: (request, reply) => {
      const { status } = request.params
      const message = status === 503 ? 'Your server appears to be down.' : 'The proxy could not go on.'
      return pages.render(request, reply, { kind: 'error', status, message })
    },
  })
}
