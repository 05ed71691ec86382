import { Readable } from 'node:stream'

import { PlatformError } from '@atrium/contract/errors.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** Proxies close streams that say nothing for a minute or so. */
const keepAliveMs = 8000
/** Empty lines mean nothing to whoever reads events (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
const keepAlive = '\n\n'

/** One event for `sendEventStream`. */
export interface StreamEvent {
  /** What the client resumes after, in `Last-Event-ID`. */
  id?: string
  /** Sent as JSON. */
  data: unknown
}

/** Who listens, and whether they would still be let in: a `RouteRequest`. */
interface StreamRequest {
  isStillAllowed(): Promise<boolean>
}

/**
 * Answers with server-sent events as they come, and with signs of life between them. Ends with `events`, and breaks off when who listens may
 * not go on.
 */
export function sendEventStream(
  request: StreamRequest,
  reply: FastifyReply,
  events: AsyncIterable<StreamEvent>,
): FastifyReply {
  return sendStream(reply, 'text/event-stream', whileAllowed(request, format(events), keepAlive))
}

/** Answers with text as it comes, without anything between; breaks off as `sendEventStream` does. */
export function sendTextStream(
  request: StreamRequest,
  reply: FastifyReply,
  parts: AsyncIterable<Uint8Array>,
): FastifyReply {
  return sendStream(reply, 'text/plain; charset=utf-8', whileAllowed(request, parts))
}

function sendStream(reply: FastifyReply, type: string, parts: AsyncIterable<unknown>): FastifyReply {
  return (
    reply
      .type(type)
      .header('cache-control', 'no-cache')
      // nginx would hold the stream back until its buffer is full.
      .header('x-accel-buffering', 'no')
      .send(Readable.from(parts, { objectMode: false }))
  )
}

async function* format(events: AsyncIterable<StreamEvent>): AsyncGenerator<string> {
  for await (const { id, data } of events) {
    yield `${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`
  }
}

/** Looks before every part, and now and then between them, whether the credential and its scopes are still good: a stream may go on for days. */
async function* whileAllowed<Part>(
  request: StreamRequest,
  parts: AsyncIterable<Part>,
  betweenParts?: Part,
): AsyncGenerator<Part> {
  const iterator = parts[Symbol.asyncIterator]()
  let next = iterator.next()
  try {
    for (;;) {
      const result = await beforeSilence(next)
      // Not an end like any other: the broken connection is what stops the source of the parts as well.
      if (!(await request.isStillAllowed())) throw new PlatformError('unauthenticated')
      if (result === undefined) {
        if (betweenParts !== undefined) yield betweenParts
      } else if (result.done) return
      else {
        yield result.value
        next = iterator.next()
      }
    }
  } finally {
    // What is still awaited may only end with the request; nobody waits for it, or for its error.
    next.catch(() => {})
    iterator.return?.(undefined).catch(() => {})
  }
}

/** Undefined: nothing came for so long that the connection needs a sign of life. */
async function beforeSilence<T>(promise: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const silence = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), keepAliveMs)
  })
  try {
    return await Promise.race([promise, silence])
  } finally {
    clearTimeout(timer)
  }
}

/** True for a client that wants events rather than text. */
export function acceptsEvents({ raw }: { raw: FastifyRequest }): boolean {
  return raw.headers.accept?.includes('text/event-stream') === true
}

/** The place in a stream that a client comes back to; undefined for one that begins. */
export function readLastEventId({ raw }: { raw: FastifyRequest }): number | undefined {
  const id = raw.headers['last-event-id']
  return typeof id === 'string' && /^\d{1,15}$/.test(id) ? Number(id) : undefined
}
