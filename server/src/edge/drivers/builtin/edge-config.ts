import { readFileSync } from 'node:fs'

import { buildBlockList } from './client-address.ts'
import {
  defaultLimits,
  defaultTimes,
  type EdgeLimits,
  type EdgeSettings,
  type EdgeTimes,
} from './edge-settings.ts'
import { crypto } from './lean-builtins.ts'

/** How an edge process serves; what is absent has a default. */
export interface ServingConfig {
  /** Default 127.0.0.1. */
  host?: string
  /** 0: any free one. */
  port: number
  /** Default: by host and port. */
  publicUrl?: string
  tls?: { certificate: string; key: string }
  trustedProxies?: readonly string[]
  limits?: Partial<EdgeLimits>
  times?: Partial<EdgeTimes>
}

/** An edge that a control plane of the same machine starts and steers. */
export interface EdgeConfig extends ServingConfig {
  /** The unix socket it is steered by. */
  controlSocketPath: string
}

/** An edge that runs by itself, and is steered by control planes of other machines. */
export interface ExternalEdgeConfig extends ServingConfig {
  external: {
    /** Where control planes connect to; `host` is the address of everything but the users' side. */
    host: string
    controlPort: number
    /** Answers probes over plain HTTP. */
    healthPort: number
    /** File with the key that control planes and edges share. */
    keyFile: string
  }
}

/** Reads the file that an edge process is started with. Throws with what is wrong. */
export function readEdgeConfig(path: string): EdgeConfig | ExternalEdgeConfig {
  return parseEdgeConfig(readFileSync(path, 'utf8'))
}

/** Reads the text of such a file. Throws with what is wrong. */
export function parseEdgeConfig(text: string): EdgeConfig | ExternalEdgeConfig {
  const config = JSON.parse(text) as EdgeConfig | ExternalEdgeConfig
  const ports = isExternal(config) ? [config.external.controlPort, config.external.healthPort] : []
  for (const port of [config.port, ...ports])
    if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`not a port: ${port}`)
  if (!isExternal(config) && typeof config.controlSocketPath !== 'string')
    throw new Error('controlSocketPath is missing')
  buildBlockList(config.trustedProxies ?? [])
  return config
}

/** True for an edge that no control plane has started. */
export function isExternal(config: EdgeConfig | ExternalEdgeConfig): config is ExternalEdgeConfig {
  return 'external' in config
}

/** The settings with all defaults filled in. `port` is the one really listened to. */
export function buildEdgeSettings(config: ServingConfig, port: number = config.port): EdgeSettings {
  const host = config.host ?? '127.0.0.1'
  return {
    host,
    port,
    publicUrl: config.publicUrl?.replace(/\/$/, '') ?? buildPublicUrl(config, host, port),
    ...(config.tls === undefined ? {} : { tls: config.tls }),
    trustedProxies: config.trustedProxies ?? [],
    limits: { ...defaultLimits, ...config.limits },
    times: { ...defaultTimes, ...config.times },
  }
}

/** Equal for configurations that behave the same. */
export function hashEdgeConfig(config: ServingConfig): string {
  return crypto.hash('sha256', JSON.stringify(buildEdgeSettings(config)), 'hex')
}

function buildPublicUrl({ tls }: ServingConfig, host: string, port: number): string {
  const scheme = tls === undefined ? 'http' : 'https'
  const isAny = host === '0.0.0.0' || host === '::'
  const name = isAny ? 'localhost' : host.includes(':') ? `[${host}]` : host
  return `${scheme}://${name}:${port}`
}
