import { createReadStream } from 'node:fs'

import { PlatformError } from '@atrium/contract/errors.ts'
import { Type } from 'typebox'

import { defineRoute, type Route, type RouteReply, type RouteRequest } from '#http/define-route.ts'
import type { PortalBuild, StaticFile } from '#http/portal/portal-build.ts'
import { buildStaticReply } from '#http/portal/static-reply.ts'

const open = { open: "The portal's own files are the same for everybody." }

/** The portal's mark stands in for JupyterHub's logo and for the icon that browsers ask for by themselves. */
const mark = 'mark.svg'

/** The files of the portal's build. */
export function createStaticRoutes(build: PortalBuild): Route[] {
  return [
    fileRoute('/hub/static/*', (request) => build.files.get((request.params as { '*': string })['*'])),
    fileRoute('/hub/logo', () => build.files.get(mark)),
    fileRoute('/favicon.ico', () => build.files.get('favicon.ico') ?? build.files.get(mark)),
  ]
}

function fileRoute(path: string, find: (request: RouteRequest) => StaticFile | undefined): Route {
  return defineRoute({
    method: 'GET',
    path,
    summary: 'A file of the portal.',
    tag: 'pages',
    authentication: 'none',
    access: open,
    answers: 'page',
    schemas: { responses: { 200: Type.String(), 304: null } },
    handler: (request, reply) => sendFile(request, reply, find(request)),
  })
}

function sendFile({ raw }: RouteRequest, reply: RouteReply, file: StaticFile | undefined): RouteReply {
  if (file === undefined) throw new PlatformError('not_found')
  const { status, headers, bodyPath } = buildStaticReply(file, {
    acceptEncoding: raw.headers['accept-encoding'],
    ifNoneMatch: raw.headers['if-none-match'],
  })
  reply.code(status).headers(headers)
  return bodyPath === undefined || raw.method === 'HEAD'
    ? reply.send()
    : reply.send(createReadStream(bodyPath))
}
