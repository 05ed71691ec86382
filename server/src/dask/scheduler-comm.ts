import { request } from 'node:http'

import type { JobEndpoint } from '#scheduler/job.ts'

import { schedulerPorts } from './cluster-jobs.ts'

/** What a scheduler can be told (`dask_gateway.scheduler_preload`, `POST /api/comm`). */
export type SchedulerWish =
  | { op: 'scale'; count: number }
  | { op: 'adapt'; minimum: number; maximum: number; active: true }

/** Tells a scheduler what is wanted. Rejects when it does not take it. */
export type TellScheduler = (
  endpoint: JobEndpoint,
  wish: SchedulerWish,
  options: { token: string; signal: AbortSignal },
) => Promise<void>

const ok = 200

/** See `TellScheduler`. */
export const tellScheduler: TellScheduler = (endpoint, wish, { token, signal }) =>
  new Promise((resolve, reject) => {
    const asked = request(
      {
        host: endpoint.host,
        port: endpoint.ports[schedulerPorts.api],
        method: 'POST',
        path: '/api/comm',
        headers: { authorization: `token ${token}`, 'content-type': 'application/json' },
        agent: false,
        signal,
      },
      (response) => {
        response.resume()
        response.once('end', () => {
          if (response.statusCode === ok) resolve()
          else reject(new Error(`the scheduler answered ${response.statusCode}`))
        })
        response.once('error', reject)
      },
    )
    asked.once('error', reject)
    asked.end(JSON.stringify(wish))
  })
