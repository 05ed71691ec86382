import type { Server } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

import type { EdgeReport } from '#edge/edge.ts'
import type { Clock } from '#platform/clock.ts'
import type { SharedKey } from '#platform/shared-key-tls.ts'
import type { ControlDoor } from './control-door.ts'
import { type EdgeHello, type EdgeStatus, protocolVersion } from './control-messages.ts'
import { type ControlledEdge, ControlServer } from './control-server.ts'
import { buildEdgeSettings, hashEdgeConfig, type ServingConfig } from './edge-config.ts'
import { createEdgeServer, type EdgeServer } from './edge-server.ts'
import type { EdgeTimes } from './edge-settings.ts'
import { followSuccessor } from './follow-successor.ts'
import type { Knowledge } from './successor.ts'
import { WebsocketCounts } from './websocket-counts.ts'

/** Where the edge's few words go; pino's shape. */
export interface EdgeLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface EdgeProcessOptions {
  config: ServingConfig
  /** Where control planes connect to. */
  door: ControlDoor
  /** How processes of the same machine take over from one another; absent for an edge among others, which leaves its work to those. */
  succession?: Succession
  clock: Clock
  log: EdgeLog
  /** What lets requests to control planes of other machines through. */
  controlPlaneKey?: SharedKey
  /** All is done: the process may end. */
  onExit: () => void
}

export interface Succession {
  /** Whoever serves listens here. */
  controlSocketPath: string
  /** From a predecessor: its listening socket, and what it knew. */
  inheritance?: Knowledge & { listener: Server }
  /** Starts a process that takes over the listening socket; resolves with its pid when it serves. */
  startSuccessor: (listener: Server, knowledge: Knowledge) => Promise<number>
}

/** Starts to serve. Rejects when the port or the control socket cannot be had (`EADDRINUSE`, `EACCES`). */
export async function startEdgeProcess(options: EdgeProcessOptions): Promise<EdgeProcess> {
  const settings = buildEdgeSettings(options.config)
  const server = await createEdgeServer({
    settings,
    clock: options.clock,
    controlPlaneKey: options.controlPlaneKey,
    onTargetFailed: (failure) => edge.onTargetFailed(failure),
  })
  const edge = new EdgeProcess(options, server, settings.times)
  await edge.start()
  return edge
}

/** A running edge. */
export class EdgeProcess implements ControlledEdge {
  readonly #options: EdgeProcessOptions
  readonly #server: EdgeServer
  readonly #times: EdgeTimes
  readonly #control: ControlServer
  readonly #websockets = new WebsocketCounts()
  readonly #startedMs: number
  #reporter: NodeJS.Timeout | undefined
  #port = 0
  #isLeaving = false

  constructor(options: EdgeProcessOptions, server: EdgeServer, times: EdgeTimes) {
    this.#options = options
    this.#server = server
    this.#times = times
    this.#startedMs = options.clock.monotonic()
    const inheritance = options.succession?.inheritance
    this.#control = new ControlServer(this, { door: options.door, fence: inheritance?.fence ?? 0 })
    if (inheritance?.state !== undefined) server.replace(inheritance.state)
  }

  get port(): number {
    return this.#port
  }

  get server(): EdgeServer {
    return this.#server
  }

  /** True while new clients are welcome: it knows where to send them, and goes on. */
  get isReady(): boolean {
    return !this.#server.table.isEmpty && !this.#isLeaving
  }

  async start(): Promise<void> {
    const { config, succession, log } = this.#options
    const { host, port } = buildEdgeSettings(config)
    this.#port = await this.#server.listen(succession?.inheritance?.listener ?? { host, port })
    await this.#control.listen()
    this.#reporter = setInterval(() => this.#sendReport(), this.#times.reportEveryMs)
    log.info({ port: this.#port, pid: process.pid }, 'edge is listening')
  }

  /**
   * Ends. Without others, websockets and tunnels end now, and requests in flight when they are answered or the time set for it has passed. An
   * edge among others lets all that is under way live until it ends by itself or the time for that is over.
   */
  async stop(): Promise<void> {
    if (this.#isLeaving) return
    this.#isLeaving = true
    if (this.#options.succession === undefined) await this.#drain()
    else {
      this.#close()
      await this.#server.drain(this.#times.stopMs)
    }
    this.#options.log.info({}, 'edge has stopped')
    this.#options.onExit()
  }

  /** Starts a successor, and ends when the last websocket and tunnel is closed. Rejects when none comes up; then all goes on as before. */
  handOver(): Promise<void> {
    return this.#control.handOver()
  }

  /** The part of `handOver` that the control socket does not do itself. */
  async startSuccessor(): Promise<void> {
    const { succession, log } = this.#options
    if (succession === undefined) throw new Error('this edge is replaced by starting another beside it')
    if (this.#isLeaving) throw new Error('the edge is on its way out already')
    const { table, listener } = this.#server
    const knowledge = { fence: this.#control.fence, ...(table.isEmpty ? {} : { state: table.state }) }
    const successor = await succession.startSuccessor(listener, knowledge)
    this.#isLeaving = true
    clearInterval(this.#reporter)
    log.info({ successor }, 'a successor serves; waiting for open websockets and tunnels to close')
    void this.#retire(succession)
  }

  getHello(): EdgeHello {
    const { config } = this.#options
    const { publicUrl, host } = buildEdgeSettings(config, this.#port)
    return {
      type: 'hello',
      protocol: protocolVersion,
      pid: process.pid,
      host,
      port: this.#port,
      publicUrl,
      settings: hashEdgeConfig(config),
      isEmpty: this.#server.table.isEmpty,
    }
  }

  getStatus(): EdgeStatus {
    const { counts, table } = this.#server
    const { user, system } = process.cpuUsage()
    return {
      pid: process.pid,
      uptimeS: Math.round((this.#options.clock.monotonic() - this.#startedMs) / 1000),
      rssBytes: process.memoryUsage.rss(),
      cpuSeconds: (user + system) / 1e6,
      ...counts,
      ...table.counts,
    }
  }

  onTargetFailed(failure: { prefix: string; target: string }): void {
    this.#options.log.warn({ ...failure }, 'target does not answer')
    this.#control.sendTargetFailed(failure)
  }

  onListener(): void {
    this.#server.reportOpenWebsockets()
  }

  onPredecessorReport(predecessor: object, report: EdgeReport): void {
    this.#control.sendReport(this.#websockets.merge(predecessor, report))
  }

  onPredecessorGone(predecessor: object): void {
    this.#control.sendReport(this.#websockets.forget(predecessor))
  }

  /** Control planes can revoke what still runs until the end. Whoever sends clients here needs a moment to learn that they go elsewhere. */
  async #drain(): Promise<void> {
    const { lingerMs, drainMs } = this.#times
    this.#options.log.info({ drainMs }, 'edge is leaving; waiting for what is under way to end')
    this.#server.announceEnd()
    await delay(lingerMs)
    await this.#server.drain(drainMs, { keepTunnelsMs: drainMs })
    this.#close()
  }

  #close(): void {
    clearInterval(this.#reporter)
    this.#sendReport()
    this.#control.close()
  }

  async #retire({ controlSocketPath }: Succession): Promise<void> {
    const follower = followSuccessor({
      path: controlSocketPath,
      times: this.#times,
      server: this.#server,
    })
    const { handoverMs, tunnelHandoverMs } = this.#times
    await this.#server.drain(handoverMs, { keepTunnelsMs: tunnelHandoverMs })
    follower.close()
    this.#options.log.info({}, 'edge has retired')
    this.#options.onExit()
  }

  #sendReport(): void {
    const report = this.#control.hasListeners ? this.#server.takeReport() : undefined
    if (report !== undefined) this.#control.sendReport(this.#websockets.merge(this, report))
  }
}
