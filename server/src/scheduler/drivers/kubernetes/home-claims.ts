import { PlatformError } from '@atrium/contract/errors.ts'
import type { CoreV1Event, V1PersistentVolumeClaim, V1Pod } from '@kubernetes/client-node'

import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'
import type { JobOwner, JobSpec } from '#scheduler/job.ts'
import { explainClaim } from './explain-claim.ts'
import { buildClaimName, buildHomeClaim, findHomeClaims } from './home-claim.ts'
import { type KubeClient, KubeRefusal } from './kube-client.ts'
import type { KubernetesSchedulerConfig } from './kubernetes-config.ts'
import { labels } from './pod-names.ts'
import { parseQuantity } from './quantity.ts'
import { type ObjectKeeper, type ObjectWatch, watchObjects } from './watch-objects.ts'

/** What a home's claim is now. */
export interface HomeClaim {
  /** Asked for. */
  requestedBytes: number
  /** There. Absent: there is no volume yet. */
  capacityBytes?: number
  /** Why it is not there, or not as large as was asked for; a sentence. */
  trouble?: string
}

/** A claim for each home, where the configuration wants that: made at its owner's first job, made larger, never deleted. */
export interface HomeClaims {
  /** Makes what is missing. Throws `conflict` when somebody else's claim has its name, and what the API server says. */
  ensure(spec: JobSpec, signal: AbortSignal): Promise<void>
  /** Undefined: there is none yet. Throws `scheduler_unavailable`. */
  find(login: string, signal: AbortSignal): Promise<HomeClaim | undefined>
  /** As `ensure`, at once and for who has a claim already. Throws `unprocessable` for one that is larger, and when it cannot grow. */
  resize(owner: Pick<JobOwner, 'login'>, bytes: number, signal: AbortSignal): Promise<void>
  /** Why a pod that waits does so for its home; undefined: not for that. */
  explain(pod: V1Pod): string | undefined
  /** Names of claims of which there is news. */
  onChange(listener: (claim: string) => void): () => void
  close(): Promise<void>
}

export interface HomeClaimsOptions {
  config: Pick<KubernetesSchedulerConfig, 'instance' | 'homeClaims'>
  client: KubeClient
  /** `/api/v1/namespaces/NAME` */
  path: string
  clock: Clock
  log: Logger
}

/** See `HomeClaims`. Begins at once. */
export function openHomeClaims(options: HomeClaimsOptions): HomeClaims {
  return new WatchedClaims(options)
}

class WatchedClaims implements HomeClaims {
  readonly #options: HomeClaimsOptions
  readonly #listeners = new Set<(claim: string) => void>()
  readonly #claims = new Map<string, V1PersistentVolumeClaim>()
  /** The last that was said of each. */
  readonly #said = new Map<string, CoreV1Event>()
  readonly #claimWatch: ObjectWatch
  readonly #eventWatch: ObjectWatch

  constructor(options: HomeClaimsOptions) {
    this.#options = options
    const { config, client, path, clock, log } = options
    const labelSelector = `${labels.managedBy}=atrium,${labels.instance}=${config.instance},${labels.home}=claim`
    this.#claimWatch = watchObjects({
      ...{ client, clock, log, path: `${path}/persistentvolumeclaims`, query: { labelSelector } },
      keeper: this.#keepClaims(),
    })
    this.#eventWatch = watchObjects({
      ...{ client, clock, log, path: `${path}/events` },
      query: { fieldSelector: 'involvedObject.kind=PersistentVolumeClaim' },
      keeper: this.#keepEvents(),
    })
  }

  async ensure(spec: JobSpec, signal: AbortSignal): Promise<void> {
    const { config, client, path, log } = this.#options
    const claims = findHomeClaims(config, spec)
    if (claims === undefined) return
    await this.#claimWatch.settled(signal)
    const wanted = buildHomeClaim(config, claims, spec.owner)
    const known = this.#claims.get(wanted.metadata?.name ?? '')
    if (known === undefined) {
      const body = wanted
      const made = await client
        .call<V1PersistentVolumeClaim>('POST', `${path}/persistentvolumeclaims`, { body, signal })
        .catch((error: unknown) => this.#adopt(wanted, error, signal))
      this.#note(made)
      return
    }
    if (readRequest(wanted) <= readRequest(known)) return
    await this.#grow(known, readRequest(wanted), signal).catch((error: unknown) => {
      // It starts with the room it has.
      if (!(error instanceof KubeRefusal)) throw error
      log.warn({ err: error, claim: known.metadata?.name }, 'a home could not be made larger')
    })
  }

  async find(login: string, signal: AbortSignal): Promise<HomeClaim | undefined> {
    await this.#claimWatch.settled(signal)
    const claim = this.#claims.get(buildClaimName(this.#options.config, login))
    if (claim === undefined) return undefined
    const capacity = claim.status?.capacity?.['storage']
    const trouble = explainClaim(claim, this.#findSaid(claim))
    return {
      requestedBytes: readRequest(claim),
      ...(capacity === undefined ? {} : { capacityBytes: parseQuantity(capacity) }),
      ...(trouble === undefined ? {} : { trouble }),
    }
  }

  async resize({ login }: Pick<JobOwner, 'login'>, bytes: number, signal: AbortSignal): Promise<void> {
    await this.#claimWatch.settled(signal)
    const claim = this.#claims.get(buildClaimName(this.#options.config, login))
    if (claim === undefined || readRequest(claim) === bytes) return
    if (readRequest(claim) > bytes)
      throw new PlatformError('unprocessable', {
        message: `The volume of this home has ${readRequest(claim)} bytes, and volumes cannot become smaller. To do so, copy what is in it to a new one.`,
      })
    await this.#grow(claim, bytes, signal).catch((error: unknown) => {
      if (!(error instanceof KubeRefusal)) throw error
      throw new PlatformError('unprocessable', {
        message: `Kubernetes does not make the volume larger: ${error.message}`,
      })
    })
  }

  explain({ metadata, spec }: V1Pod): string | undefined {
    if (metadata?.labels?.[labels.home] === undefined) return undefined
    const names =
      spec?.volumes?.flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName ?? []) ?? []
    for (const name of names) {
      const claim = this.#claims.get(name)
      const trouble = claim === undefined ? undefined : explainClaim(claim, this.#findSaid(claim))
      if (claim?.status?.phase !== 'Bound' && trouble !== undefined) return trouble
    }
    return undefined
  }

  onChange(listener: (claim: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async close(): Promise<void> {
    await Promise.all([this.#claimWatch.close(), this.#eventWatch.close()])
  }

  /** Somebody was quicker: another replica, or an administrator who made it by hand and labelled it. */
  async #adopt(
    wanted: V1PersistentVolumeClaim,
    error: unknown,
    signal: AbortSignal,
  ): Promise<V1PersistentVolumeClaim> {
    if (!(error instanceof KubeRefusal && error.status === 409)) throw error
    const { client, path } = this.#options
    const name = wanted.metadata?.name ?? ''
    const found = await client.call<V1PersistentVolumeClaim>(
      'GET',
      `${path}/persistentvolumeclaims/${name}`,
      { signal },
    )
    const isOurs = [labels.instance, labels.home].every(
      (label) => found.metadata?.labels?.[label] === wanted.metadata?.labels?.[label],
    )
    if (isOurs) return found
    throw new PlatformError('conflict', {
      message: `The claim ${name} in the cluster is not of this platform. An administrator must rename or label it.`,
    })
  }

  async #grow(claim: V1PersistentVolumeClaim, bytes: number, signal: AbortSignal): Promise<void> {
    const { client, path } = this.#options
    const body = { spec: { resources: { requests: { storage: String(bytes) } } } }
    const contentType = 'application/merge-patch+json'
    const place = `${path}/persistentvolumeclaims/${claim.metadata?.name}`
    this.#note(await client.call<V1PersistentVolumeClaim>('PATCH', place, { body, contentType, signal }))
  }

  #findSaid({ metadata }: V1PersistentVolumeClaim): CoreV1Event | undefined {
    const said = this.#said.get(metadata?.name ?? '')
    return said?.involvedObject.uid === metadata?.uid ? said : undefined
  }

  /** An answer that comes later than the watch's word must not undo it. */
  #note(claim: V1PersistentVolumeClaim): void {
    const name = claim.metadata?.name ?? ''
    const known = this.#claims.get(name)?.metadata
    const isOld =
      known?.uid === claim.metadata?.uid &&
      Number(claim.metadata?.resourceVersion) < Number(known?.resourceVersion)
    if (!isOld) this.#claims.set(name, claim)
  }

  #keepClaims(): ObjectKeeper<V1PersistentVolumeClaim> {
    return {
      replace: (claims) => {
        this.#claims.clear()
        for (const claim of claims) this.#note(claim)
      },
      change: (claim, how) => {
        const name = claim.metadata?.name ?? ''
        if (how === 'set') this.#note(claim)
        else {
          this.#claims.delete(name)
          this.#said.delete(name)
        }
        this.#tell(name)
      },
    }
  }

  #keepEvents(): ObjectKeeper<CoreV1Event> {
    const change = (event: CoreV1Event, how: 'set' | 'gone') => {
      const { name = '' } = event.involvedObject
      if (how === 'gone' || !name.startsWith(`${this.#options.config.instance}-home-`)) return
      this.#said.set(name, event)
      this.#tell(name)
    }
    return {
      replace: (events) => {
        for (const event of events) change(event, 'set')
      },
      change,
    }
  }

  #tell(claim: string): void {
    for (const listener of this.#listeners) listener(claim)
  }
}

function readRequest({ spec }: V1PersistentVolumeClaim): number {
  return parseQuantity(spec?.resources?.requests?.['storage'] ?? '0')
}
