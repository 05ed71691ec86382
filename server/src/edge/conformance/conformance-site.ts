import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'

import type { Edge, EdgeCredential, EdgeState, Route } from '#edge/edge.ts'
import {
  type SeenRequest,
  startUpstream,
  type TestUpstream,
  type TestUpstreamOptions,
} from './test-upstream.ts'
import { startTlsEcho, type TlsUpstream } from './tls-peer.ts'

/** What a driver's test gives to the suite. */
export interface ConformanceOptions {
  /** False for a driver that only records. */
  serves: boolean
  /** True for a driver that fills an edge which came back empty without being asked to. */
  fillsByItself?: boolean
  create(): Promise<ConformanceSubject>
}

export interface ConformanceSubject {
  edge: Edge
  /** Makes the edge come back empty, as after a crash. */
  restart(): Promise<void>
  dispose(): Promise<void>
}

/** What a case works with. */
export interface ConformanceSite {
  edge: Edge
  restart(): Promise<void>
  /** Starts something to route to; it is gone after the case. */
  startUpstream(name: string, options?: TestUpstreamOptions): Promise<TestUpstream>
  /** The same for TLS, with a certificate for `name`. */
  startTls(name: string): Promise<TlsUpstream>
}

export type RegisterCase = (title: string, run: (site: ConformanceSite) => Promise<void>) => void

/** Registers cases that ask a driver for its bookkeeping, and cases that send requests through it. */
export function createRegistrar(options: ConformanceOptions): {
  recorded: RegisterCase
  served: RegisterCase
} {
  const recorded: RegisterCase = (title, run) => test(title, () => runCase(options, run))
  const served: RegisterCase = (title, run) =>
    test(title, { skip: options.serves ? false : 'this driver serves no requests' }, () =>
      runCase(options, run),
    )
  return { recorded, served }
}

async function runCase(
  options: ConformanceOptions,
  run: (site: ConformanceSite) => Promise<void>,
): Promise<void> {
  const subject = await options.create()
  const upstreams: Pick<TestUpstream, 'kill'>[] = []
  try {
    await run({
      edge: subject.edge,
      restart: () => subject.restart(),
      async startUpstream(name, upstreamOptions) {
        const upstream = await startUpstream(name, upstreamOptions)
        upstreams.push(upstream)
        return upstream
      },
      async startTls(name) {
        const upstream = await startTlsEcho(name)
        upstreams.push(upstream)
        return upstream
      },
    })
  } finally {
    await subject.dispose()
    for (const upstream of upstreams) await upstream.kill()
  }
}

/** Nothing known. */
export const emptyState: EdgeState = { routes: [], tunnels: [], credentials: [], controlPlanes: [] }

/** A route to a user's server: `alice` or `alice/gpu`. */
export function buildServerRoute(name: string, target?: string): Route {
  const [user = '', server = ''] = name.split('/')
  return {
    prefix: `/user/${name}/`,
    ...(target === undefined ? {} : { target }),
    access: { kind: 'server', user, server },
    data: {},
  }
}

export function buildServiceRoute(service: string, target: string): Route {
  return { prefix: `/services/${service}/`, target, access: { kind: 'service', service }, data: {} }
}

/** A route to the dashboard of a user's cluster. */
export function buildClusterRoute(user: string, cluster: string, target: string): Route {
  return {
    prefix: `/gateway/clusters/${cluster}/`,
    target,
    access: { kind: 'cluster', user, cluster },
    proof: 'proof of the edge',
    data: {},
  }
}

/** A token for some servers; more of a credential as `rest`. */
export function buildCredential(
  secret: string,
  servers: EdgeCredential['servers'],
  rest: Partial<EdgeCredential> = {},
): EdgeCredential {
  return { hash: hashOf(secret), kind: 'token', subject: 'somebody', servers, clusters: [], ...rest }
}

export function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** Sends a GET with a token; redirects are not followed. */
export function get(
  edge: Edge,
  path: string,
  token?: string,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${edge.publicUrl}${path}`, {
    redirect: 'manual',
    headers: { ...headers, ...(token === undefined ? {} : { authorization: `token ${token}` }) },
  })
}

/** Which upstream answered. */
export async function getUpstream(edge: Edge, path: string, token?: string): Promise<string> {
  const response = await get(edge, path, token)
  assert.equal(response.status, 200, `${path} is answered`)
  return ((await response.json()) as SeenRequest).upstream
}
