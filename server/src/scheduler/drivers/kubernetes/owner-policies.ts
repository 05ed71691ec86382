import { isDeepStrictEqual } from 'node:util'

import type { V1Pod } from '@kubernetes/client-node'

import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'

import { applyObject } from './apply-object.ts'
import {
  basePolicyName,
  buildBasePolicy,
  buildOwnerPolicy,
  type NetworkPolicy,
  ownerPolicyName,
  type PolicySite,
} from './build-network-policies.ts'
import { type KubeClient, KubeRefusal } from './kube-client.ts'
import type { KubernetesSchedulerConfig } from './kubernetes-config.ts'
import { hasPodEnded } from './observe-pod.ts'
import type { PodCache, PodChange } from './pod-cache.ts'
import { labels } from './pod-names.ts'
import { type ObjectKeeper, type ObjectWatch, watchObjects } from './watch-objects.ts'

/** Network policies of the owners of pods: there before an owner's first pod, gone a while after the last. */
export interface OwnerPolicies {
  /** Makes a pod of an owner, whose policy stands before and is not taken away meanwhile. Throws what `make` and the API server throw. */
  during<T>(owner: string, make: () => Promise<T>, signal: AbortSignal): Promise<T>
  close(): Promise<void>
}

export interface OwnerPoliciesOptions {
  config: KubernetesSchedulerConfig
  client: KubeClient
  pods: PodCache
  clock: Clock
  log: Logger
}

const defaultLingerMs = 60_000

/** See `OwnerPolicies`. Begins at once. */
export function createOwnerPolicies(options: OwnerPoliciesOptions): OwnerPolicies {
  const { namespace, instance, networkPolicy } = options.config
  return networkPolicy === undefined
    ? { during: (_owner, make) => make(), close: () => Promise.resolve() }
    : new PolicyKeeper({ namespace, instance, networkPolicy }, options)
}

/**
 * Several control planes may do this at once: an owner's policy only ever adds what is allowed, so that one which is missing for the moment
 * between two of them lets nobody in, and whoever sees a pod without its policy makes it.
 */
class PolicyKeeper implements OwnerPolicies, ObjectKeeper<NetworkPolicy> {
  readonly #site: PolicySite
  readonly #options: OwnerPoliciesOptions
  readonly #path: string
  readonly #watch: ObjectWatch
  readonly #ended = new AbortController()
  readonly #stopPods: () => void
  #known = new Map<string, NetworkPolicy>()
  /** By a policy's name: what is done with it last, so that one thing is done after the other. */
  readonly #turns = new Map<string, Promise<void>>()
  /** Owners with pods in the making, and how many. */
  readonly #making = new Map<string, number>()
  #sweeping = false

  constructor(site: PolicySite, options: OwnerPoliciesOptions) {
    const { client, pods, clock, log } = options
    this.#site = site
    this.#options = options
    this.#path = `/apis/networking.k8s.io/v1/namespaces/${site.namespace}/networkpolicies`
    const labelSelector = `${labels.managedBy}=atrium,${labels.instance}=${site.instance}`
    this.#watch = watchObjects({
      client,
      clock,
      log,
      path: this.#path,
      query: { labelSelector },
      keeper: this,
    })
    this.#stopPods = pods.onChange((changes) => this.#noteChanges(changes))
  }

  async during<T>(owner: string, make: () => Promise<T>, signal: AbortSignal): Promise<T> {
    this.#making.set(owner, (this.#making.get(owner) ?? 0) + 1)
    try {
      await this.#watch.settled(signal)
      await this.#ensure(buildBasePolicy(this.#site), signal)
      await this.#ensure(buildOwnerPolicy(this.#site, owner), signal)
      return await make()
    } finally {
      const left = (this.#making.get(owner) ?? 1) - 1
      if (left > 0) this.#making.set(owner, left)
      else this.#making.delete(owner)
    }
  }

  async close(): Promise<void> {
    this.#stopPods()
    this.#ended.abort()
    await this.#watch.close()
    await Promise.allSettled(this.#turns.values())
  }

  /** All is read anew now and then: only then is one that somebody has changed put right, lest two versions of ours fight over it. */
  replace(policies: readonly NetworkPolicy[]): void {
    this.#known = new Map(policies.map((policy) => [policy.metadata?.name ?? '', policy]))
    const owners = policies.flatMap(({ metadata }) => metadata?.labels?.[labels.owner] ?? [])
    const wanted = [
      buildBasePolicy(this.#site),
      ...owners.map((owner) => buildOwnerPolicy(this.#site, owner)),
    ]
    for (const policy of wanted) {
      const found = this.#known.get(policy.metadata?.name ?? '')
      if (found !== undefined && isDeepStrictEqual(found.spec, policy.spec)) continue
      this.#known.delete(policy.metadata?.name ?? '')
      this.#heal(policy)
    }
    this.#sweepLater()
  }

  change(policy: NetworkPolicy, how: 'set' | 'gone'): void {
    const name = policy.metadata?.name ?? ''
    if (how === 'set') {
      this.#known.set(name, policy)
      return
    }
    if (this.#known.get(name)?.metadata?.uid === policy.metadata?.uid) this.#known.delete(name)
    const owner = policy.metadata?.labels?.[labels.owner]
    if (name === basePolicyName(this.#site.instance)) this.#heal(buildBasePolicy(this.#site))
    else if (owner !== undefined && this.#isWanted(owner)) this.#heal(buildOwnerPolicy(this.#site, owner))
  }

  #noteChanges(changes: readonly PodChange[]): void {
    for (const { pod, gone } of changes) {
      const owner = ownerOf(pod)
      if (owner === undefined || this.#watch.stale !== undefined) continue
      if (gone || hasPodEnded(pod)) this.#sweepLater()
      else if (!this.#known.has(ownerPolicyName(this.#site.instance, owner)))
        this.#heal(buildOwnerPolicy(this.#site, owner))
    }
  }

  /** Makes it unless it stands. */
  #ensure(policy: NetworkPolicy, signal: AbortSignal): Promise<void> {
    const name = policy.metadata?.name ?? ''
    if (this.#known.has(name) && !this.#turns.has(name)) return Promise.resolve()
    return this.#inTurn(name, async () => {
      if (this.#known.has(name)) return
      const path = `${this.#path}/${name}`
      this.#known.set(name, await applyObject(this.#options.client, path, policy, signal))
    })
  }

  #heal(policy: NetworkPolicy): void {
    this.#ensure(policy, this.#ended.signal).catch((error: unknown) => {
      if (this.#ended.signal.aborted) return
      this.#options.log.warn({ err: error, policy: policy.metadata?.name }, 'a network policy was not made')
    })
  }

  async #inTurn(name: string, act: () => Promise<void>): Promise<void> {
    const turn = (this.#turns.get(name) ?? Promise.resolve()).catch(() => {}).then(act)
    this.#turns.set(name, turn)
    try {
      await turn
    } finally {
      if (this.#turns.get(name) === turn) this.#turns.delete(name)
    }
  }

  #isWanted(owner: string): boolean {
    if (this.#making.has(owner)) return true
    const { pods } = this.#options
    if (!pods.isCurrent()) return true
    for (const pod of pods.all().values()) if (ownerOf(pod) === owner && !hasPodEnded(pod)) return true
    return false
  }

  #sweepLater(): void {
    if (this.#sweeping) return
    this.#sweeping = true
    const { clock, log } = this.#options
    const { signal } = this.#ended
    const { lingerMs = defaultLingerMs } = this.#site.networkPolicy
    clock
      .sleep(lingerMs, { signal })
      .finally(() => {
        this.#sweeping = false
      })
      .then(() => this.#sweep(signal))
      .catch((error: unknown) => {
        if (signal.aborted) return
        log.warn({ err: error }, 'network policies of owners without pods are left')
        this.#sweepLater()
      })
  }

  async #sweep(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#watch.settled(signal), this.#options.pods.settled(signal)])
    for (const [name, policy] of this.#known) {
      const owner = policy.metadata?.labels?.[labels.owner]
      if (owner === undefined || this.#isWanted(owner)) continue
      await this.#inTurn(name, async () => {
        if (!this.#isWanted(owner)) await this.#remove(name, policy, signal)
      })
    }
  }

  async #remove(name: string, { metadata }: NetworkPolicy, signal: AbortSignal): Promise<void> {
    const body = { preconditions: { uid: metadata?.uid } }
    try {
      await this.#options.client.call('DELETE', `${this.#path}/${name}`, { body, signal })
    } catch (error) {
      // Gone, or another's by now.
      if (!(error instanceof KubeRefusal && (error.status === 404 || error.status === 409))) throw error
    }
    this.#known.delete(name)
  }
}

function ownerOf({ metadata }: V1Pod): string | undefined {
  return metadata?.labels?.[labels.owner]
}
