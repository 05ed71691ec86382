import type { IncomingMessage, ServerResponse } from 'node:http'

import { buildAnswer, type Refusal } from './answers.ts'
import { isBrowserNavigation } from './reception.ts'

/** Answers a request that goes nowhere. A body that nobody reads ends the connection with it. */
export function sendAnswer(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
  const { status, headers, body } = buildAnswer(refusal, { isBrowser: isBrowserNavigation(request) })
  if (!request.complete) response.shouldKeepAlive = false
  response.writeHead(status, headers)
  response.end(body)
}
