import type { UpstreamLimits } from './upstream-pool.ts'

/** How the edge behaves; everything but the address has a default. */
export interface EdgeSettings {
  host: string
  /** 0: any free one. */
  port: number
  /** Where users reach the platform; decides the session cookie's name. */
  publicUrl: string
  tls?: { certificate: string; key: string }
  /** Addresses and CIDR ranges whose `X-Forwarded-*` are believed. */
  trustedProxies: readonly string[]
  limits: EdgeLimits
  times: EdgeTimes
}

export interface EdgeLimits {
  /** Request line and headers, in bytes; beyond: 431. */
  maxHeaderBytes: number
  /** Headers of a request; beyond: 431. */
  maxHeaderCount: number
  /** Body of a request to a user's server or a service; absent: any size. Beyond: 413. */
  maxServerBodyBytes?: number
  /** Body of a request to the control plane; beyond: 413. */
  maxControlPlaneBodyBytes: number
  /** Requests held at a time for a control plane that does not answer; beyond: 503. */
  maxHeld: number
}

export interface EdgeTimes {
  /** A client has this long to send a request's head; beyond: 408. */
  headerTimeoutMs: number
  /** A client that sends a body may pause this long; beyond: 408. A body may take any time: a slow line is no attack. */
  idleBodyMs: number
  /** An idle client's connection is kept this long. */
  idleClientMs: number
  /** How long requests wait for a control plane that is restarting. */
  holdMs: number
  connectTimeoutMs: number
  idleUpstreamMs: number
  /** Between activity reports. */
  reportEveryMs: number
  /** Requests in flight may take this long after SIGTERM. */
  stopMs: number
  /** Open websockets are kept this long by an edge that was superseded. */
  handoverMs: number
  /** And TLS connections through tunnels this long: a computation may rest on one, and cannot just connect again. */
  tunnelHandoverMs: number
  /** An edge among others accepts connections for this long after SIGTERM: others learn late that it leaves. */
  lingerMs: number
  /** And then lets all that is under way live for so long. */
  drainMs: number
  /** Websockets and tunnels of an edge that was superseded are cut when no successor can be reached for this long, since nothing could be revoked any more. */
  orphanMs: number
}

export const defaultLimits: EdgeLimits = {
  maxHeaderBytes: 32 * 1024,
  maxHeaderCount: 200,
  maxControlPlaneBodyBytes: 16 * 1024 * 1024,
  maxHeld: 1000,
}

export const defaultTimes: EdgeTimes = {
  headerTimeoutMs: 20_000,
  idleBodyMs: 120_000,
  idleClientMs: 75_000,
  holdMs: 10_000,
  connectTimeoutMs: 5000,
  idleUpstreamMs: 60_000,
  reportEveryMs: 5000,
  stopMs: 5000,
  handoverMs: 3_600_000,
  tunnelHandoverMs: 86_400_000,
  lingerMs: 5000,
  drainMs: 3_600_000,
  orphanMs: 10_000,
}

/** Limits towards upstreams that follow from the settings. */
export function buildUpstreamLimits({ connectTimeoutMs, idleUpstreamMs }: EdgeTimes): UpstreamLimits {
  return { connectTimeoutMs, idleTimeoutMs: idleUpstreamMs, maxIdle: 64, maxHeadBytes: 64 * 1024 }
}
