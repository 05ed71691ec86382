import { request } from 'node:http'

import type { ReadyProbe } from './job-record.ts'

const notYet = 500

/** Asks a job's HTTP server by its `ready` rule: it is ready once it answers with a status below 500, sign-in pages and redirects included. */
export const probeHttp: ReadyProbe = (job, endpoint, { signal }) => {
  const { ready } = job.policy
  const port = ready === undefined ? undefined : endpoint.ports[ready.port]
  if (ready === undefined || port === undefined) return Promise.resolve(false)
  return new Promise((resolve) => {
    const { host } = endpoint
    const asked = request({ host, port, path: ready.path, signal, agent: false }, (response) => {
      response.resume()
      resolve((response.statusCode ?? notYet) < notYet)
    })
    asked.once('error', () => resolve(false))
    asked.end()
  })
}
