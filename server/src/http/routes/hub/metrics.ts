import { Type } from 'typebox'

import { defineRoute, type Route } from '#http/define-route.ts'

export interface MetricsRoutesOptions {
  /** The metrics in Prometheus' text format 0.0.4. */
  renderMetrics(): Promise<string>
}

/** Metrics where JupyterHub has them. */
export function createMetricsRoutes({ renderMetrics }: MetricsRoutesOptions): Route[] {
  return ['/hub/metrics', '/hub/api/metrics'].map((path) =>
    defineRoute({
      method: 'GET',
      path,
      summary: 'Metrics for Prometheus.',
      tag: 'hub',
      authentication: 'token-or-session',
      access: { anyOf: ['read:metrics'], on: 'platform' },
      schemas: { responses: { 200: Type.String() } },
      async handler(_request, reply) {
        return reply.type('text/plain; version=0.0.4; charset=utf-8').send(await renderMetrics())
      },
    }),
  )
}
