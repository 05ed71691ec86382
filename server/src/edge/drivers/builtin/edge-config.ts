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

/** What the starter of an edge process chooses; the rest has defaults. */
export interface EdgeConfig {
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
  /** The unix socket it is steered by. */
  controlSocketPath: string
}

/** Reads the file that an edge process is started with. Throws with what is wrong. */
export function readEdgeConfig(path: string): EdgeConfig {
  const config = JSON.parse(readFileSync(path, 'utf8')) as EdgeConfig
  if (!Number.isInteger(config.port) || config.port < 0 || config.port > 65_535)
    throw new Error(`not a port: ${config.port}`)
  if (typeof config.controlSocketPath !== 'string') throw new Error('controlSocketPath is missing')
  buildBlockList(config.trustedProxies ?? [])
  return config
}

/** The settings with all defaults filled in. `port` is the one really listened to. */
export function buildEdgeSettings(config: EdgeConfig, port: number = config.port): EdgeSettings {
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
export function hashEdgeConfig(config: EdgeConfig): string {
  return crypto.hash('sha256', JSON.stringify(buildEdgeSettings(config)), 'hex')
}

function buildPublicUrl({ tls }: EdgeConfig, host: string, port: number): string {
  const scheme = tls === undefined ? 'http' : 'https'
  const isAny = host === '0.0.0.0' || host === '::'
  const name = isAny ? 'localhost' : host.includes(':') ? `[${host}]` : host
  return `${scheme}://${name}:${port}`
}
