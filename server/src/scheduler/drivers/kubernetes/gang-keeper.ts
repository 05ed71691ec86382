import type { V1Pod } from '@kubernetes/client-node'

import type { JobExit, JobHandle, Observation } from '#scheduler/job.ts'

import { buildPeer, peerNameOf, readGang } from './gang-pods.ts'
import {
  describeLoss,
  describeWaiting,
  type FindState,
  type GangView,
  hasNode,
  isGated,
  isOfGang,
  isToCome,
  isUp,
  readStart,
  sumUse,
} from './gang-view.ts'
import { KubeRefusal } from './kube-client.ts'
import type { KubernetesContext } from './kubernetes-scheduler.ts'
import { hasPodEnded } from './observe-pod.ts'
import { annotations, labels } from './pod-names.ts'

const everyMs = 2000
const callMs = 10_000
/** How long pods of a job that have a node wait for those that have none. */
const usualPatienceMs = 300_000
const restMs = 20_000
/** What ranks have to tidy up when a pod of their job is lost. */
const lossGraceMs = 5000

/** Makes, starts and lets go the pods of jobs of several. Every look begins with what the cluster says, so that any replica can go on. */
export interface GangKeeper {
  /** Corrects what the main pod alone says of a job. */
  explain(handle: JobHandle, seen: Observation): Observation
  close(): Promise<void>
}

/** `findState`: what the door of one of the pods says. */
export function createGangKeeper(context: KubernetesContext, findState: FindState): GangKeeper {
  return new Keeper(context, findState)
}

class Keeper implements GangKeeper {
  readonly #context: KubernetesContext
  readonly #findState: FindState
  readonly #stop = new AbortController()
  readonly #ended: Promise<void>
  readonly #unsubscribe: () => void
  /** Since when pods of a job look for nodes, and until when they do not. */
  readonly #since = new Map<string, number>()
  readonly #resting = new Map<string, number>()
  /** Pods that were told to end. */
  readonly #told = new Set<string>()
  #wake = Promise.withResolvers<void>()

  constructor(context: KubernetesContext, findState: FindState) {
    this.#context = context
    this.#findState = findState
    this.#unsubscribe = context.pods.onChange((changes) => {
      if (changes.some(({ pod }) => isOfGang(pod))) this.#wake.resolve()
    })
    this.#ended = this.#run()
  }

  explain({ ref }: JobHandle, seen: Observation): Observation {
    const main = this.#context.pods.all().get(ref)
    const view = main === undefined ? undefined : this.#view(main)
    if (view === undefined) return seen
    const said = view.main.metadata?.annotations ?? {}
    if (seen.state === 'ended') {
      const lost = said[annotations.lost]
      if (lost === undefined || seen.exit.state === 'succeeded' || seen.exit.state === 'cancelled')
        return seen
      return { ...seen, exit: JSON.parse(lost) as JobExit }
    }
    const launched = said[annotations.launched]
    if (launched === undefined) return describeWaiting(view)
    if (seen.state !== 'running') return seen
    // Of the main pod, which computes nothing.
    const { cpuSeconds: _, memoryBytes: __, endpoint: ___, ...rest } = seen
    return { ...rest, ...sumUse(view, this.#findState), startedAtMs: Number(launched) }
  }

  async close(): Promise<void> {
    this.#unsubscribe()
    this.#stop.abort()
    this.#wake.resolve()
    await this.#ended
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#context
    const { signal } = this.#stop
    while (!signal.aborted) {
      const views = this.#list()
      this.#forgetOthers(new Set(views.filter(isToCome).map(({ key }) => key)))
      await Promise.all(views.map((view) => this.#tend(view))).catch((error: unknown) => {
        if (!signal.aborted)
          log.warn({ err: error }, 'jobs of several pods were not looked after; again soon')
      })
      await Promise.race([this.#wake.promise, clock.sleep(everyMs, { signal }).catch(() => {})])
      this.#wake = Promise.withResolvers<void>()
    }
  }

  /** Whoever does not look for nodes any more stands in nobody's way. */
  #forgetOthers(keys: ReadonlySet<string>): void {
    for (const notes of [this.#since, this.#resting])
      for (const key of notes.keys()) if (!keys.has(key)) notes.delete(key)
  }

  #list(): GangView[] {
    try {
      return [...this.#context.pods.all().values()].flatMap((pod) => this.#view(pod) ?? [])
    } catch {
      // Nothing is known just now.
      return []
    }
  }

  #view(main: V1Pod): GangView | undefined {
    const gang = readGang(main)
    const key = main.metadata?.labels?.[labels.job]
    if (gang === undefined || key === undefined) return undefined
    const known = this.#context.pods.all()
    return { main, gang, key, peers: gang.shares.map((_, index) => known.get(peerNameOf(main, index))) }
  }

  async #tend(view: GangView): Promise<void> {
    const { main, peers } = view
    const said = main.metadata?.annotations ?? {}
    const there = peers.filter((peer) => peer !== undefined)
    if (hasPodEnded(main)) return await this.#delete(there)
    if (said[annotations.end]) return await this.#tellEnd(view, Number(said[annotations.end]))
    if (said[annotations.launched] !== undefined) return await this.#watch(view)
    await this.#delete(there.filter(hasPodEnded))
    await this.#gather(view)
  }

  /** Before it runs. */
  async #gather(view: GangView): Promise<void> {
    const { main, gang, key, peers } = view
    const nowMs = this.#context.clock.monotonic()
    if (nowMs < (this.#resting.get(key) ?? 0)) return
    await Promise.all(
      peers.map((peer, index) =>
        peer === undefined ? this.#create(buildPeer(gang, main, index)) : undefined,
      ),
    )
    if (peers.some((peer) => peer === undefined)) return
    const there = peers.filter((peer) => peer !== undefined)
    if (there.every(hasNode)) {
      this.#since.delete(key)
      if ([main, ...there].every(isUp)) await this.#launch(view, there)
      return
    }
    const held = there.filter(isGated)
    if (held.length > 0 && this.#isItsTurn(key)) {
      this.#since.set(key, nowMs)
      await Promise.all(held.map((peer) => this.#patch(peer, { spec: { schedulingGates: null } })))
      return
    }
    const began = this.#since.get(key) ?? nowMs
    if (held.length === 0) this.#since.set(key, began)
    if (nowMs - began > (this.#context.config.gangPatienceMs ?? usualPatienceMs)) await this.#giveBack(view)
  }

  /** Two that each have half of what they need would wait for each other for ever: one at a time looks for nodes. */
  #isItsTurn(key: string): boolean {
    return ![...this.#since.keys()].some((other) => other !== key)
  }

  /** All pods are made anew later, held back, so that others may have their places. */
  async #giveBack({ key, peers }: GangView): Promise<void> {
    this.#since.delete(key)
    this.#resting.set(key, this.#context.clock.monotonic() + restMs * (1 + Math.random()))
    await this.#delete(peers.filter((peer) => peer !== undefined))
  }

  async #launch({ main, gang, key }: GangView, peers: readonly V1Pod[]): Promise<void> {
    const addresses = peers.map(({ status }) => status?.podIP ?? '')
    await this.#context.doors.start({ host: main.status?.podIP ?? '', key, addresses, signal: this.#limit() })
    const nowMs = this.#context.clock.now()
    await this.#patch(main, {
      metadata: { annotations: { [annotations.launched]: String(nowMs) } },
      // It counts from when the pod began to wait.
      ...(gang.timeLimitMs === undefined
        ? {}
        : {
            spec: { activeDeadlineSeconds: Math.ceil((nowMs - readStart(main) + gang.timeLimitMs) / 1000) },
          }),
    })
  }

  /** While it runs: a pod that is lost ends it all, and says why. */
  async #watch(view: GangView): Promise<void> {
    const { main, key, peers } = view
    const index = peers.findIndex((peer) => peer === undefined || peer.status?.phase === 'Failed')
    if (index < 0 || main.metadata?.annotations?.[annotations.lost] !== undefined) return
    const peer = peers[index]
    const exit = describeLoss(peer)
    await this.#patch(main, { metadata: { annotations: { [annotations.lost]: JSON.stringify(exit) } } })
    const host = main.status?.podIP ?? ''
    await this.#context.doors.end({ host, key, graceMs: lossGraceMs, signal: this.#limit() })
  }

  async #tellEnd({ key, peers }: GangView, graceMs: number): Promise<void> {
    const running = peers.filter((peer) => peer !== undefined && isUp(peer))
    await Promise.all(
      running.map(async (peer) => {
        const mark = `${peer?.metadata?.uid} ${graceMs}`
        if (this.#told.has(mark)) return
        this.#told.add(mark)
        await this.#context.doors
          .end({ host: peer?.status?.podIP ?? '', key, graceMs, signal: this.#limit() })
          .catch(() => this.#told.delete(mark))
      }),
    )
  }

  async #create(pod: V1Pod): Promise<void> {
    const { client, path, pods } = this.#context
    const made = await client
      .call<V1Pod>('POST', `${path}/pods`, { body: pod, signal: this.#limit() })
      .catch((error: unknown) => ignore(error, 409))
    if (made !== undefined) pods.note(made)
  }

  async #patch(pod: V1Pod, body: object): Promise<void> {
    const { client, path, pods } = this.#context
    const request = { body, contentType: 'application/merge-patch+json', signal: this.#limit() }
    const patched = await client
      .call<V1Pod>('PATCH', `${path}/pods/${pod.metadata?.name}`, request)
      .catch((error: unknown) => ignore(error, 404))
    if (patched !== undefined) pods.note(patched)
  }

  async #delete(gone: readonly V1Pod[]): Promise<void> {
    const { client, path, pods } = this.#context
    await Promise.all(
      gone.map(async ({ metadata }) => {
        const name = metadata?.name ?? ''
        const body = { gracePeriodSeconds: 0, preconditions: { uid: metadata?.uid } }
        await client
          .call('DELETE', `${path}/pods/${name}`, { body, signal: this.#limit() })
          .catch((error: unknown) => ignore(error, 404, 409))
        pods.drop(name)
      }),
    )
  }

  #limit(): AbortSignal {
    return AbortSignal.any([this.#stop.signal, AbortSignal.timeout(callMs)])
  }
}

function ignore(error: unknown, ...statuses: number[]): undefined {
  if (error instanceof KubeRefusal && statuses.includes(error.status)) return undefined
  throw error
}
