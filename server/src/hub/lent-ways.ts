import { hasEnded } from '@atrium/contract/jobs.ts'

import type { EdgeChange } from '#edge/edge.ts'
import type { EdgeWays } from '#edge/route-source.ts'
import type { Logger } from '#platform/log.ts'
import type { JobKey } from '#scheduler/job.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import type { Change, Store } from '#store/store.ts'

import type { PublishedWays } from './published-ways.ts'

/** The change that asks the leader to take ways back starts so; their names follow. */
const withdrawal = 'edge-withdraw '

interface Names {
  prefixes: readonly string[]
  serverNames: readonly string[]
}

/** Ways that a replica made live for the one that leads, which hears of them when their job is ready: of one that ends before it would not. */
export class LentWays {
  readonly #options: { store: Store; jobs: Pick<Jobs, 'waitFor'>; log: Logger }
  readonly #watched = new Set<JobKey>()
  readonly #closing = new AbortController()

  constructor(options: { store: Store; jobs: Pick<Jobs, 'waitFor'>; log: Logger }) {
    this.#options = options
  }

  add(ways: EdgeWays, jobKey: JobKey): void {
    if (this.#watched.has(jobKey)) return
    this.#watched.add(jobKey)
    this.#watch(ways, jobKey)
      .catch((error: unknown) => {
        if (!this.#closing.signal.aborted) this.#options.log.warn({ err: error }, 'a way was not taken back')
      })
      .finally(() => this.#watched.delete(jobKey))
  }

  close(): void {
    this.#closing.abort()
  }

  async #watch({ routes, tunnels }: EdgeWays, jobKey: JobKey): Promise<void> {
    const { store, jobs } = this.#options
    const { signal } = this.#closing
    const job = await jobs.waitFor(
      jobKey,
      ({ readyAtMs, state }) => readyAtMs !== undefined || hasEnded(state),
      { signal },
    )
    if (!hasEnded(job.state)) return
    const names: Names = {
      prefixes: routes.map(({ prefix }) => prefix),
      serverNames: tunnels.map(({ serverName }) => serverName),
    }
    await store.transaction(async (tx) => tx.changed('setting', `${withdrawal}${JSON.stringify(names)}`))
  }
}

/** What the leader tells the edge when another replica takes ways back: of those that it does not want itself. */
export function findWithdrawn(changes: readonly Change[], published: PublishedWays): readonly EdgeChange[] {
  return changes
    .filter(({ topic, key }) => topic === 'setting' && key.startsWith(withdrawal))
    .flatMap(({ key }) => {
      const { prefixes, serverNames } = JSON.parse(key.slice(withdrawal.length)) as Names
      return [
        ...prefixes
          .filter((prefix) => !published.routes.has(prefix))
          .map((prefix): EdgeChange => ({ type: 'route-delete', prefix })),
        ...serverNames
          .filter((serverName) => !published.tunnels.has(serverName))
          .map((serverName): EdgeChange => ({ type: 'tunnel-delete', serverName })),
      ]
    })
}
