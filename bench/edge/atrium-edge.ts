import { randomBytes } from 'node:crypto'

import type { Route } from '@atrium/server/edge/edge.ts'
import { hashSecret } from '@atrium/server/platform/secret.ts'

import { startBenchEdge } from './bench-edge-process.ts'
import { openPath, type ProxyUnderTest, userPath } from './proxy-under-test.ts'

/** Other sessions than the one that asks: an edge of a thousand users. */
const otherCredentials = 1000

/** Our edge, in its process, as `atrium up` starts it. */
export async function startAtriumEdge(backendPort: number): Promise<ProxyUnderTest> {
  const { edge, close } = await startBenchEdge()
  const target = `http://127.0.0.1:${backendPort}`
  const secret = randomBytes(32).toString('base64url')
  await edge.replace({
    controlPlanes: [target],
    tunnels: [],
    routes: [
      buildServiceRoute(openPath, target),
      { prefix: userPath, target, access: { kind: 'server', user: 'bench', server: '' }, data: {} },
    ],
    credentials: [secret, ...Array.from({ length: otherCredentials }, (_, index) => `other-${index}`)].map(
      (each) => ({
        hash: hashSecret(each),
        kind: 'token',
        subject: 'bench',
        servers: ['bench'],
        clusters: ['bench'],
      }),
    ),
  })
  return {
    pid: (await edge.status()).pid,
    port: Number(new URL(edge.publicUrl).port),
    authorization: [`Authorization: token ${secret}`],
    addRoute: (name) =>
      edge.apply([{ type: 'route-put', route: buildServiceRoute(`/open/${name}/`, target) }]),
    close,
  }
}

function buildServiceRoute(prefix: string, target: string): Route {
  return { prefix, target, access: { kind: 'service', service: 'bench' }, data: {} }
}
