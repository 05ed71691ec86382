import { request } from 'node:http'

import type { JobEndpoint } from '#scheduler/job.ts'

/** A question to a user's server. */
export interface ServerQuestion {
  endpoint: JobEndpoint
  /** Name of the port. */
  port: string
  /** Absolute and encoded, with its query. */
  path: string
  headers?: Readonly<Record<string, string>>
  signal: AbortSignal
  /** Longer answers are cut off and count as none: a server is its user's own program and may send anything. Default 0: the body is not read. */
  longestBytes?: number
}

/** What came back. */
export interface ServerAnswer {
  status: number
  /** Undefined when it was not read, or was too long. */
  body: string | undefined
}

/** Asks by GET on a connection of its own, and follows no redirect. Rejects when nobody answers. */
export function askServer({
  endpoint,
  port,
  path,
  headers = {},
  signal,
  longestBytes = 0,
}: ServerQuestion): Promise<ServerAnswer> {
  return new Promise((resolve, reject) => {
    const options = { host: endpoint.host, port: endpoint.ports[port], path, headers, signal, agent: false }
    const asked = request(options, (response) => {
      const status = response.statusCode ?? 0
      const parts: Buffer[] = []
      let length = 0
      response.on('error', reject)
      response.on('data', (part: Buffer) => {
        length += part.length
        if (length <= longestBytes) parts.push(part)
        else response.destroy()
      })
      // Also after `destroy`, and after an answer that broke off.
      response.on('close', () => {
        const isWhole = response.complete && length <= longestBytes
        resolve({ status, body: isWhole ? Buffer.concat(parts).toString('utf8') : undefined })
      })
      if (longestBytes === 0) response.destroy()
    })
    asked.on('error', reject)
    asked.end()
  })
}
