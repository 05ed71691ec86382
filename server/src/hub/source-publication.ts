import { hasEnded } from '@atrium/contract/jobs.ts'

import type { EdgeChange } from '#edge/edge.ts'
import type { EdgeWays, RouteSource } from '#edge/route-source.ts'
import type { JobKey } from '#scheduler/job.ts'
import type { Jobs } from '#scheduler/jobs.ts'

import type { PublishedWays } from './published-ways.ts'

/** What stands for ways of features among all that are published. */
interface OwnedKeys {
  readonly prefixes: ReadonlySet<string>
  readonly serverNames: ReadonlySet<string>
}

/** Ways of features: what one leader has told the edge of them. */
export class SourcePublication {
  readonly #published: PublishedWays
  readonly #jobs: Pick<Jobs, 'findMany'>
  readonly #told = new Map<RouteSource, OwnedKeys>()
  /** Ways that are live before their job is ready: wanted although no source says so yet. */
  readonly #early = new Map<JobKey, EdgeWays>()

  constructor(published: PublishedWays, { jobs }: { jobs: Pick<Jobs, 'findMany'> }) {
    this.#published = published
    this.#jobs = jobs
  }

  /** True while ways are live whose job may end before anybody else hears of it. */
  get hasEarly(): boolean {
    return this.#early.size > 0
  }

  /** All that is wanted now, to tell everything anew. */
  async list(sources: readonly RouteSource[]): Promise<EdgeWays> {
    await this.#forgetEnded()
    const listed: EdgeWays[] = []
    for (const source of sources) listed.push(await this.#readSource(source))
    return mergeWays([...this.#early.values(), ...listed])
  }

  /** What a source says now, against what the edge was told of it. */
  async follow(source: RouteSource): Promise<readonly EdgeChange[]> {
    const before = this.#told.get(source)
    const ended = await this.forgetEnded()
    const ways = await this.#readSource(source)
    const after = this.#told.get(source)
    const early = keysOf(mergeWays([...this.#early.values()]))
    return [
      ...ended,
      ...[...(before?.prefixes ?? [])]
        .filter((prefix) => !after?.prefixes.has(prefix) && !early.prefixes.has(prefix))
        .flatMap((prefix) => this.#published.deleteRoute(prefix)),
      ...[...(before?.serverNames ?? [])]
        .filter((name) => !after?.serverNames.has(name) && !early.serverNames.has(name))
        .flatMap((name) => this.#published.deleteTunnel(name)),
      ...this.#published.put(ways),
    ]
  }

  putEarly(ways: EdgeWays, jobKey: JobKey): readonly EdgeChange[] {
    this.#early.set(jobKey, ways)
    return this.#published.put(ways)
  }

  /** Takes back what was put early for jobs that have ended without becoming ready. */
  async forgetEnded(): Promise<readonly EdgeChange[]> {
    return (await this.#forgetEnded()).flatMap(({ routes, tunnels }) => [
      ...routes
        .filter(({ prefix }) => !this.#isTold('prefixes', prefix))
        .flatMap(({ prefix }) => this.#published.deleteRoute(prefix)),
      ...tunnels
        .filter(({ serverName }) => !this.#isTold('serverNames', serverName))
        .flatMap(({ serverName }) => this.#published.deleteTunnel(serverName)),
    ])
  }

  async #forgetEnded(): Promise<readonly EdgeWays[]> {
    if (this.#early.size === 0) return []
    const jobs = await this.#jobs.findMany([...this.#early.keys()])
    const ended = [...this.#early].filter(([key]) => {
      const job = jobs.get(key)
      return job === undefined || hasEnded(job.state)
    })
    for (const [key] of ended) this.#early.delete(key)
    return ended.map(([, ways]) => ways)
  }

  #isTold(kind: keyof OwnedKeys, key: string): boolean {
    return [...this.#told.values()].some((keys) => keys[kind].has(key))
  }

  /** What a source lists needs to be held for nobody any more. */
  async #readSource(source: RouteSource): Promise<EdgeWays> {
    const ways = await source.list()
    const keys = keysOf(ways)
    this.#told.set(source, keys)
    for (const [jobKey, early] of this.#early) if (isCovered(early, keys)) this.#early.delete(jobKey)
    return ways
  }
}

function keysOf({ routes, tunnels }: EdgeWays): OwnedKeys {
  return {
    prefixes: new Set(routes.map(({ prefix }) => prefix)),
    serverNames: new Set(tunnels.map(({ serverName }) => serverName)),
  }
}

function isCovered({ routes, tunnels }: EdgeWays, { prefixes, serverNames }: OwnedKeys): boolean {
  return (
    routes.every(({ prefix }) => prefixes.has(prefix)) &&
    tunnels.every(({ serverName }) => serverNames.has(serverName))
  )
}

function mergeWays(all: readonly EdgeWays[]): EdgeWays {
  return { routes: all.flatMap(({ routes }) => routes), tunnels: all.flatMap(({ tunnels }) => tunnels) }
}
