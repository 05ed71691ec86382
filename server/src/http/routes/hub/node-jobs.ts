import { PlatformError } from '@atrium/contract/errors.ts'
import { Type } from 'typebox'

import { defineRoute, type Route, type RouteRequest } from '#http/define-route.ts'
import { findNodeCredential, type NodeDoor, type NodeRequest } from '#scheduler/node-door.ts'

export interface NodeJobRoutesOptions {
  /** Of the scheduler whose jobs fetch themselves; undefined where none does. */
  nodeDoor: NodeDoor | undefined
}

/** A launcher's request is a few hundred bytes, with room for the words of a program that could not be started. */
const bodyLimitBytes = 16 * 1024
const access = {
  open: 'A munge credential over the body proves whose process on a node asks: the driver checks it.',
}
const about = {
  key: Type.String({ description: 'Of the start: it stands in the batch script.' }),
  claimant: Type.String({ description: 'The scheduler’s id of the job that asks: `123`, `123_4`.' }),
}

/** Where jobs on the nodes of a cluster fetch what they are to run, and tell how it goes. */
export function createNodeJobRoutes({ nodeDoor }: NodeJobRoutesOptions): Route[] {
  const getDoor = () => {
    if (nodeDoor === undefined) throw new PlatformError('not_found')
    return nodeDoor
  }
  return [
    defineRoute({
      method: 'POST',
      path: '/hub/api/jobs/launch',
      summary:
        'For launchers on nodes: the job of this key, as a munge credential that its owner alone can open.',
      tag: 'jobs',
      authentication: 'none',
      access,
      accepts: 'raw',
      checkedBy: 'handler',
      bodyLimitBytes,
      schemas: {
        body: Type.Object({ ...about, node: Type.String() }),
        responses: { 200: Type.String() },
      },
      async handler(request, reply) {
        const credential = await getDoor().launch(buildNodeRequest(request))
        return reply.type('text/plain; charset=utf-8').send(credential)
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/hub/api/jobs/report',
      summary: 'For launchers on nodes: where the job answers, what it uses, how it ended.',
      tag: 'jobs',
      authentication: 'none',
      access,
      accepts: 'raw',
      checkedBy: 'handler',
      bodyLimitBytes,
      schemas: {
        body: Type.Object(about, { description: 'And what has changed: see the node package’s page.' }),
        responses: { 204: null },
      },
      async handler(request, reply) {
        await getDoor().report(buildNodeRequest(request))
        return reply.code(204).send()
      },
    }),
  ]
}

function buildNodeRequest({ body, raw, remote }: Pick<RouteRequest, 'body' | 'raw' | 'remote'>): NodeRequest {
  return {
    body: typeof body === 'string' ? body : '',
    credential: findNodeCredential(raw.headers.authorization),
    address: remote,
  }
}
