import type { V1Pod } from '@kubernetes/client-node'

import type { Clock } from '#platform/clock.ts'
import type { JobEndpoint } from '#scheduler/job.ts'

import type { DoorState, PodDoors } from './pod-door.ts'
import { labels } from './pod-names.ts'

/** How long a door keeps a question while the program does not listen yet. */
const waitSeconds = 25
/** Between questions about use. */
const usageMs = 10_000
/** Answers at once before a door has to wait for the next question: a job has few ports, and a door could be its program's own. */
const quickAnswers = 20
const slowPauseMs = 1000
/** After a door did not answer: soon at first, since a person waits. */
const firstPauseMs = 20
const longestPauseMs = 2000
/** A door that is silent for longer is worth a word. */
const silenceMs = 10_000

/** What is known of a running pod from its door. */
export interface DoorSight {
  /** Once all of the job's ports are listened on. */
  endpoint?: JobEndpoint
  state?: DoorState
  /** Why nothing comes from there, after a while. */
  trouble?: string
}

/** Asks the doors of running pods. */
export interface DoorWatch {
  /** What is known now, and from now on kept current; `onNews` tells of what a person waits for. */
  find(pod: V1Pod, ports: Readonly<Record<string, number>>): DoorSight
  /** A pod that is gone or has ended. */
  forget(name: string): void
  close(): void
}

interface Watched {
  host: string
  sight: DoorSight
  stop: AbortController
}

/** `onNews` gets the pod's name: it listens, or a program of it was ended for want of memory. */
export function createDoorWatch(
  doors: PodDoors,
  { clock, onNews }: { clock: Clock; onNews: (name: string) => void },
): DoorWatch {
  const watched = new Map<string, Watched>()
  const forget = (name: string) => {
    watched.get(name)?.stop.abort()
    watched.delete(name)
  }
  return {
    find(pod, ports) {
      const host = pod.status?.podIP
      const { [labels.job]: own, [labels.peerOf]: key = own } = pod.metadata?.labels ?? {}
      const name = pod.metadata?.name ?? ''
      if (host === undefined || key === undefined) return {}
      const known = watched.get(name)
      if (known?.host === host) return known.sight
      forget(name)
      const entry: Watched = { host, sight: {}, stop: new AbortController() }
      watched.set(name, entry)
      const follower = new Follower(doors, clock, { host, key, ports }, entry, () => onNews(name))
      void follower.run()
      return entry.sight
    },
    forget,
    close() {
      for (const name of [...watched.keys()]) forget(name)
    },
  }
}

interface Subject {
  host: string
  key: string
  ports: Readonly<Record<string, number>>
}

/** Follows one door until it is told to stop. */
class Follower {
  readonly #doors: PodDoors
  readonly #clock: Clock
  readonly #subject: Subject
  readonly #entry: Watched
  readonly #tell: () => void
  #silentSinceMs: number | undefined
  #pauseMs = firstPauseMs
  #answers = 0

  constructor(doors: PodDoors, clock: Clock, subject: Subject, entry: Watched, tell: () => void) {
    this.#doors = doors
    this.#clock = clock
    this.#subject = subject
    this.#entry = entry
    this.#tell = tell
  }

  async run(): Promise<void> {
    const { signal } = this.#entry.stop
    while (!signal.aborted) {
      const pauseMs = await this.#ask().then(
        (state) => this.#take(state),
        (error: unknown) => this.#miss(error),
      )
      if (pauseMs > 0) await this.#clock.sleep(pauseMs, { signal }).catch(() => {})
    }
  }

  #ask(): Promise<DoorState> {
    const { host, key, ports } = this.#subject
    const { sight, stop } = this.#entry
    const call = { host, key, signal: stop.signal }
    const known = sight.state?.listening
    if (sight.endpoint !== undefined || Object.keys(ports).length === 0 || known === undefined)
      return this.#doors.state(call)
    return this.#doors.state({ ...call, known, waitSeconds })
  }

  /** Answers how long to leave it alone. */
  #take(state: DoorState): number {
    const { host, ports } = this.#subject
    const before = this.#entry.sight
    const names = Object.keys(ports)
    const listens = names.length > 0 && names.every((name) => state.listening.includes(name))
    const endpoint = before.endpoint ?? (listens ? { host, ports } : undefined)
    this.#entry.sight = { state, ...(endpoint === undefined ? {} : { endpoint }) }
    this.#silentSinceMs = undefined
    this.#pauseMs = firstPauseMs
    const isNews =
      endpoint !== before.endpoint ||
      before.trouble !== undefined ||
      (state.oomKills ?? 0) > (before.state?.oomKills ?? 0)
    if (isNews) this.#tell()
    if (endpoint === undefined && names.length > 0) return this.#answers++ < quickAnswers ? 0 : slowPauseMs
    // Not all at the same moment.
    return usageMs * (0.75 + Math.random() / 2)
  }

  #miss(error: unknown): number {
    if (this.#entry.stop.signal.aborted) return 0
    const nowMs = this.#clock.monotonic()
    this.#silentSinceMs ??= nowMs
    const { sight } = this.#entry
    if (nowMs - this.#silentSinceMs > silenceMs && sight.trouble === undefined) {
      this.#entry.sight = { ...sight, trouble: describe(this.#subject.host, error) }
      this.#tell()
    }
    this.#pauseMs = Math.min(1.3 * this.#pauseMs, longestPauseMs)
    return this.#pauseMs
  }
}

function describe(host: string, error: unknown): string {
  const cause = error instanceof Error ? error.message : String(error)
  return `The platform does not reach its pod at ${host}: ${cause}`
}
