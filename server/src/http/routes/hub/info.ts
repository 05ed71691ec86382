import { Type } from 'typebox'

import { defineRoute, type Route } from '#http/define-route.ts'
import { hubProtocolVersion } from '#http/security-headers.ts'

export interface InfoRoutesOptions {
  /** Atrium's own version. */
  readonly version: string
  /** How people sign in, in the place of JupyterHub's authenticator: `local`, `pam`. */
  readonly signIn: string
  /** What runs servers, in the place of JupyterHub's spawner: `local`. */
  readonly driver: string
}

const component = Type.Object({ class: Type.String(), version: Type.String() })

/** What the hub is, and that it is there. */
export function createInfoRoutes(options: InfoRoutesOptions): Route[] {
  return [
    ...['/hub/api', '/hub/api/'].map(rootRoute),
    ...['/hub/health', '/hub/api/health'].map(healthRoute),
    infoRoute(options),
  ]
}

function rootRoute(path: string): Route {
  return defineRoute({
    method: 'GET',
    path,
    summary:
      'Version of JupyterHub whose protocol is spoken; servers and services compare it with their own.',
    tag: 'hub',
    authentication: 'none',
    access: { open: 'clients ask for the version before they have a credential' },
    schemas: { responses: { 200: Type.Object({ version: Type.String() }) } },
    handler(_request, reply) {
      reply.header('access-control-allow-origin', '*')
      return { version: hubProtocolVersion }
    },
  })
}

function healthRoute(path: string): Route {
  return defineRoute({
    method: 'GET',
    path,
    summary: 'Answers as long as the control plane does.',
    tag: 'hub',
    authentication: 'none',
    access: { open: 'load balancers have no credential, and nothing is told' },
    schemas: { responses: { 200: Type.String() } },
    handler: (_request, reply) => reply.type('text/html').send(''),
  })
}

function infoRoute({ version, signIn, driver }: InfoRoutesOptions): Route {
  return defineRoute({
    method: 'GET',
    path: '/hub/api/info',
    summary: 'Details of the platform.',
    tag: 'hub',
    authentication: 'token-or-session',
    access: { anyOf: ['read:hub'], on: 'platform' },
    schemas: {
      responses: {
        200: Type.Object({
          version: Type.String(),
          python: Type.String({ description: 'Empty: no part of the hub is Python.' }),
          sys_executable: Type.String(),
          spawner: component,
          authenticator: component,
        }),
      },
    },
    handler: () => ({
      version: hubProtocolVersion,
      python: '',
      sys_executable: process.execPath,
      spawner: { class: `atrium.${driver}`, version },
      authenticator: { class: `atrium.${signIn}`, version },
    }),
  })
}
