import type { EdgeReport, RouteActivity } from '#edge/edge.ts'

/** Adds up open websockets over the processes that keep some: the edge itself, and predecessors that wait for theirs to close. */
export class WebsocketCounts {
  readonly #bySource = new Map<object, Map<string, number>>()

  /** Takes a report of one process; in the answer all processes' websockets are counted. */
  merge(source: object, report: EdgeReport): EdgeReport {
    const counts = this.#bySource.get(source) ?? new Map<string, number>()
    this.#bySource.set(source, counts)
    for (const { prefix, openWebsockets } of report.routes) {
      if (openWebsockets === 0) counts.delete(prefix)
      else counts.set(prefix, openWebsockets)
    }
    return { ...report, routes: report.routes.map((route) => this.#withTotal(route)) }
  }

  /** A process has ended, and its websockets with it. The answer tells of the routes it had some on. */
  forget(source: object): EdgeReport {
    const prefixes = [...(this.#bySource.get(source)?.keys() ?? [])]
    this.#bySource.delete(source)
    const routes = prefixes.map((prefix) => this.#withTotal({ prefix, lastActivityMs: 0, openWebsockets: 0 }))
    return { routes, credentials: [] }
  }

  #withTotal(route: RouteActivity): RouteActivity {
    const openWebsockets = this.#bySource
      .values()
      .reduce((sum, counts) => sum + (counts.get(route.prefix) ?? 0), 0)
    return { ...route, openWebsockets }
  }
}
