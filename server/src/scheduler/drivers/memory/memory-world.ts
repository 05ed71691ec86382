import type { Clock } from '#platform/clock.ts'
import type { JobExit, JobHandle, JobKey, JobSpec } from '#scheduler/job.ts'
import type { NodeCapacity } from '#scheduler/scheduler.ts'
import { createMemoryControls, type MemoryControls } from './memory-controls.ts'
import { createMemoryHints, type MemoryHints } from './memory-hints.ts'
import { createMemoryNodes, type MemoryNode, type MemoryNodes, plenty } from './memory-nodes.ts'
import { cancelledExit, type MemoryProgram, type MemoryRun, runProgram } from './memory-run.ts'

const firstPort = 20_000

export interface MemoryWorldOptions {
  clock: Clock
  /** By the name in `command[0]`. */
  programs: Readonly<Record<string, MemoryProgram>>
  /** Default: one node with plenty of everything. */
  nodes?: readonly MemoryNode[]
  /** Where ports come from. Default: numbers from 20,000 on, on which nobody listens. */
  findPort?: () => Promise<number>
  /** Ends jobs at their time limit itself. Default true. */
  keepsTimeLimits?: boolean
}

/** The pretend cluster. It outlives the scheduler instances that talk to it, as a real one does. */
export class MemoryWorld {
  readonly controls: MemoryControls = createMemoryControls()
  readonly hints: MemoryHints = createMemoryHints(this.controls)
  readonly clock: Clock
  readonly keepsTimeLimits: boolean
  readonly #programs: Readonly<Record<string, MemoryProgram>>
  readonly #nodes: MemoryNodes
  readonly #findPort: () => Promise<number>
  readonly #runs = new Map<string, MemoryRun>()
  readonly #byKey = new Map<JobKey, MemoryRun[]>()
  readonly #starts = new Map<JobKey, number>()
  readonly #waiting = new Set<MemoryRun>()
  #lastRef = 0
  #isPlacing = false

  constructor({ clock, programs, nodes = [plenty], findPort, keepsTimeLimits = true }: MemoryWorldOptions) {
    let port = firstPort
    this.clock = clock
    this.keepsTimeLimits = keepsTimeLimits
    this.#programs = programs
    this.#nodes = createMemoryNodes(nodes)
    this.#findPort = findPort ?? (async () => port++)
  }

  /** Everything that was accepted and is not forgotten, oldest first. */
  listRuns(): readonly MemoryRun[] {
    return [...this.#runs.values()]
  }

  /** The runs of a key: several when the scheduler duplicated it. */
  findRuns(key: JobKey): readonly MemoryRun[] {
    return this.#byKey.get(key) ?? []
  }

  findRun(handle: JobHandle): MemoryRun | undefined {
    return this.#runs.get(handle.ref)
  }

  /** How often a process was started for this key, ever. */
  countStarts(key: JobKey): number {
    return this.#starts.get(key) ?? 0
  }

  listNodes(): readonly NodeCapacity[] {
    return this.#nodes.list()
  }

  /** Takes a job in; with `controls.vanish` it is lost at once. */
  add(spec: JobSpec): MemoryRun {
    const handle = { key: spec.key, driver: 'memory', version: 1, ref: String(++this.#lastRef) }
    const run: MemoryRun = {
      handle,
      spec,
      state: 'pending',
      cancelled: false,
      output: [],
      life: new AbortController(),
    }
    if (this.controls.vanish(spec)) return run
    this.#runs.set(handle.ref, run)
    this.#byKey.set(spec.key, [...this.findRuns(spec.key), run])
    this.#waiting.add(run)
    this.hints.tell(spec.key)
    this.#place()
    return run
  }

  /** Starts the pending jobs of a key whatever there is room for. */
  start(key: JobKey): void {
    for (const run of this.findRuns(key)) if (run.state === 'pending') this.#assign(run, plenty.name)
  }

  /** Ends the jobs of a key from outside. */
  end(key: JobKey, exit: JobExit): void {
    for (const run of this.findRuns(key)) this.#kill(run, exit)
  }

  preempt(key: JobKey): void {
    this.end(key, { state: 'preempted', reason: 'preempted', message: 'Its node was needed for others.' })
  }

  /** The node goes down with all it ran. */
  loseNode(name: string): void {
    this.#nodes.lose(name)
    const exit: JobExit = { state: 'failed', reason: 'node_lost', message: `The node ${name} was lost.` }
    for (const run of this.#runs.values()) if (run.node === name) this.#kill(run, exit)
  }

  cancel(run: MemoryRun, graceMs: number): void {
    if (run.state === 'ended' || (this.controls.ignoresCancel && run.state !== 'pending')) return
    run.cancelled = true
    if (run.terminate === undefined || graceMs === 0) {
      this.#kill(run, cancelledExit)
      return
    }
    run.terminate()
    this.#killAfter(run, graceMs, cancelledExit)
  }

  /** As a scheduler that keeps ended jobs only for a while, or was told to forget. */
  forget(handle: JobHandle): void {
    const run = this.findRun(handle)
    if (run === undefined) return
    this.#waiting.delete(run)
    this.#runs.delete(handle.ref)
    const others = this.findRuns(handle.key).filter((other) => other !== run)
    if (others.length > 0) this.#byKey.set(handle.key, others)
    else this.#byKey.delete(handle.key)
  }

  /** Ends every process. */
  dispose(): void {
    this.controls.startsByItself = false
    for (const run of this.#runs.values()) this.#kill(run, cancelledExit)
  }

  /** Gives waiting jobs room, in order, once in a turn of the event loop. */
  #place(): void {
    if (this.#isPlacing || !this.controls.startsByItself || this.#waiting.size === 0) return
    this.#isPlacing = true
    setImmediate(() => {
      this.#isPlacing = false
      for (const run of this.#waiting) {
        const node = this.#nodes.take(run.spec)
        if (node !== undefined) this.#assign(run, node)
      }
    })
  }

  #assign(run: MemoryRun, node: string): void {
    this.#waiting.delete(run)
    run.state = 'starting'
    run.node = node
    this.hints.tell(run.spec.key)
    setImmediate(() => void this.#launch(run))
  }

  async #launch(run: MemoryRun): Promise<void> {
    const { spec } = run
    const ports: Record<string, number> = {}
    for (const name of spec.ports) ports[name] = await this.#findPort()
    // It may have been cancelled meanwhile.
    if (run.state !== 'starting') return
    run.state = 'running'
    run.startedAtMs = this.clock.now()
    if (spec.ports.length > 0) run.endpoint = { host: '127.0.0.1', ports }
    this.#starts.set(spec.key, this.countStarts(spec.key) + 1)
    runProgram(run, {
      program: this.#programs[spec.command[0]],
      clock: this.clock,
      ports,
      onOutput: this.hints.wake,
      onEnd: (exit) => this.#end(run, exit),
    })
    this.hints.tell(spec.key)
    if (spec.timeLimitMs === undefined || !this.keepsTimeLimits) return
    const message = 'It reached its time limit.'
    this.#killAfter(run, spec.timeLimitMs, { state: 'failed', reason: 'time_limit', message })
  }

  #killAfter(run: MemoryRun, ms: number, exit: JobExit): void {
    const { signal } = run.life
    this.clock.sleep(ms, { signal }).then(
      () => this.#kill(run, exit),
      // It ended before.
      () => {},
    )
  }

  #kill(run: MemoryRun, exit: JobExit): void {
    if (run.kill === undefined) this.#end(run, exit)
    else run.kill(exit)
  }

  #end(run: MemoryRun, exit: JobExit): void {
    if (run.state === 'ended') return
    if (run.node !== undefined) this.#nodes.free(run.spec, run.node)
    this.#waiting.delete(run)
    run.state = 'ended'
    run.exit = exit
    run.endedAtMs = this.clock.now()
    delete run.kill
    delete run.terminate
    run.life.abort()
    this.hints.tell(run.spec.key)
    this.#place()
  }
}
