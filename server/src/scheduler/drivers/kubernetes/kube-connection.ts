import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import type { RequestOptions } from 'node:https'

import { PlatformError } from '@atrium/contract/errors.ts'
import { HttpMethod, KubeConfig, RequestContext } from '@kubernetes/client-node'
import type { Dispatcher } from 'undici'

/** Where the API server is, and as whom it is asked. */
export interface KubeConnection {
  server: string
  headers: Readonly<Record<string, string>>
  dispatcher: Dispatcher | undefined
}

export interface KubeSource {
  kubeconfig?: string | undefined
  context?: string | undefined
}

/** Follows a kubeconfig file, or what a pod is given, while tokens, certificates and addresses in them change. */
export interface KubeConnections {
  current(): Promise<KubeConnection>
  /** What is known was refused: everything is read anew before it is used again. */
  distrust(): void
}

/**
 * `kubeconfig`: a file, `context` one of its contexts; absent: what a pod is given
 * (https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/). Throws `bad_request` for one without a cluster.
 */
export function createKubeConnections(source: KubeSource): KubeConnections {
  return new Connections(source)
}

class Connections implements KubeConnections {
  readonly #source: KubeSource
  #config: KubeConfig
  #version: string
  /** Connections are kept, so that a call costs no handshake; until what proves us or the server has changed. */
  #kept: { digest: string; dispatcher: Dispatcher | undefined } | undefined

  constructor(source: KubeSource) {
    this.#source = source
    this.#version = readVersion(source.kubeconfig)
    this.#config = load(source)
  }

  async current(): Promise<KubeConnection> {
    this.#refresh()
    const cluster = this.#config.getCurrentCluster()
    if (cluster === null) throw describeMissing(this.#source)
    const proofs: RequestOptions = {}
    await this.#config.applyToHTTPSOptions(proofs)
    const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername, headers, auth } = proofs
    const parts = [
      cluster.server,
      cluster.proxyUrl,
      ca,
      cert,
      key,
      pfx,
      passphrase,
      rejectUnauthorized,
      servername,
    ]
    const digest = createHash('sha256').update(JSON.stringify(parts)).digest('hex')
    if (this.#kept?.digest !== digest) await this.#connect(digest, cluster.server)
    return {
      server: cluster.server,
      headers: {
        ...(headers as Record<string, string> | undefined),
        ...(auth == null ? {} : { authorization: `Basic ${Buffer.from(auth).toString('base64')}` }),
      },
      dispatcher: this.#kept?.dispatcher,
    }
  }

  distrust(): void {
    this.#version = ''
  }

  /** A file that is just being written anew is tried again at the next call. */
  #refresh(): void {
    const version = readVersion(this.#source.kubeconfig)
    if (version === this.#version) return
    try {
      this.#config = load(this.#source)
      this.#version = version
    } catch {
      // What was known goes on to be used.
    }
  }

  async #connect(digest: string, server: string): Promise<void> {
    const context = new RequestContext(server, HttpMethod.GET)
    await this.#config.applySecurityAuthentication(context)
    const dispatcher = context.getDispatcher() as Dispatcher | undefined
    // Calls under way, watches among them, go on.
    void this.#kept?.dispatcher?.close()
    this.#kept = { digest, dispatcher: dispatcher === undefined ? undefined : withoutSharing(dispatcher) }
  }
}

/**
 * A connection for each call under way (HTTP/1.1): one that was cut without a word then holds up nobody else's. An answer that goes on may
 * be silent for as long as it likes, as the log of a quiet program is: callers have limits of their own.
 */
function withoutSharing(inner: Dispatcher): Dispatcher {
  // As agents take it, though their types do not say so.
  const more = { allowH2: false, bodyTimeout: 0 }
  return inner.compose((dispatch) => (options, handler) => dispatch({ ...options, ...more }, handler))
}

function load({ kubeconfig, context }: KubeSource): KubeConfig {
  const config = new KubeConfig()
  if (kubeconfig === undefined) config.loadFromCluster()
  else config.loadFromFile(kubeconfig)
  if (context !== undefined) config.setCurrentContext(context)
  if (config.getCurrentCluster() === null) throw describeMissing({ kubeconfig, context })
  return config
}

function describeMissing({ kubeconfig, context }: KubeSource): PlatformError {
  const which = context === undefined ? 'its current one' : `that of ${context}`
  return new PlatformError('bad_request', { message: `${kubeconfig} names no cluster as ${which}.` })
}

/** Changes when the file does, also when a link now leads to another one, as in mounted secrets. */
function readVersion(kubeconfig: string | undefined): string {
  if (kubeconfig === undefined) return 'pod'
  try {
    const { ino, mtimeMs, size } = statSync(kubeconfig)
    return `${ino} ${mtimeMs} ${size}`
  } catch {
    return 'missing'
  }
}
