import { type IncomingHttpHeaders, request } from 'node:http'

/** What is sent: the path goes out as it stands, no client library tidies it. */
export interface Question {
  method: string
  path: string
  headers: Readonly<Record<string, string>>
  body: string | undefined
  /** Called once the answer's headers are there. */
  onAnswerBegun?: () => void
}

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

const timeoutMs = 60_000

/** One request on a connection of its own. Redirects are answers, not followed. */
export function exchange(baseUrl: string, question: Question): Promise<Answer> {
  const { hostname, port } = new URL(baseUrl)
  const body = question.body === undefined ? undefined : Buffer.from(question.body)
  const headers = {
    ...question.headers,
    ...(body === undefined ? {} : { 'content-length': String(body.length) }),
  }
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        hostname,
        port,
        method: question.method,
        path: question.path,
        headers,
        agent: false,
        timeout: timeoutMs,
      },
      (incoming) => {
        question.onAnswerBegun?.()
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.once('error', reject)
        incoming.once('end', () =>
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            body: Buffer.concat(chunks).toString(),
          }),
        )
      },
    )
    outgoing.once('timeout', () => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)))
    outgoing.once('error', reject)
    outgoing.end(body)
  })
}
