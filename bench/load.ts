import { buildRequest, openConnection } from './http-connection.ts'

/** A bounded load of equal GET requests over kept-alive connections. */
export interface LoadOptions {
  url: string
  headers?: Readonly<Record<string, string>>
  connections: number
  /** Stops after this many requests, or this time, whichever comes first. */
  requests?: number
  durationMs?: number
}

export interface LoadResult {
  requestsPerSecond: number
  medianMs: number
  p99Ms: number
  /** Answers by status. */
  statuses: Readonly<Record<number, number>>
}

/** Sends requests as fast as answers come. */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const url = new URL(options.url)
  const request = buildRequest('GET', url, options)
  const budget = { left: options.requests ?? Number.POSITIVE_INFINITY }
  const connections = await Promise.all(
    Array.from({ length: options.connections }, () => openConnection(url)),
  )
  const end = performance.now() + (options.durationMs ?? Number.POSITIVE_INFINITY)
  const latencies: number[] = []
  const statuses: Record<number, number> = {}
  const started = performance.now()
  await Promise.all(
    connections.map(async (connection) => {
      try {
        while (budget.left > 0 && performance.now() < end) {
          budget.left -= 1
          const sent = performance.now()
          const { status } = await connection.exchange(request)
          latencies.push(performance.now() - sent)
          statuses[status] = (statuses[status] ?? 0) + 1
        }
      } finally {
        connection.close()
      }
    }),
  )
  const seconds = (performance.now() - started) / 1000
  latencies.sort((a, b) => a - b)
  return {
    requestsPerSecond: latencies.length / seconds,
    medianMs: latencies[Math.floor(latencies.length / 2)] ?? Number.NaN,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN,
    statuses,
  }
}
