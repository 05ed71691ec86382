import { isIP } from 'node:net'

import { PlatformError } from '@atrium/contract/errors.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'

import { actorOf, type Principal } from '#identity/principal.ts'
import type { Actor } from '#observe/audit.ts'
import { isSessionPrincipal } from './authenticate-request.ts'
import type { RouteRequest } from './define-route.ts'
import type { Xsrf } from './xsrf.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set before the handler by the route's authentication. */
    principal: Principal | undefined
  }
}

/** What a handler sees of a request. A class, so that what few handlers ask for costs the others nothing. */
export class RouteContext implements Omit<RouteRequest, 'principal'> {
  readonly raw: FastifyRequest
  readonly principal: Principal | undefined
  readonly #reply: FastifyReply
  readonly #tools: RouteTools

  constructor(request: FastifyRequest, reply: FastifyReply, tools: RouteTools) {
    this.raw = request
    this.principal = request.principal
    this.#reply = reply
    this.#tools = tools
  }

  get params(): Record<string, string> {
    return this.raw.params as Record<string, string>
  }

  get query(): Record<string, unknown> {
    return this.raw.query as Record<string, unknown>
  }

  get body(): unknown {
    return this.raw.body
  }

  get remote(): string {
    return isIP(this.raw.ip) === 0 ? '' : this.raw.ip
  }

  get userAgent(): string {
    return this.raw.headers['user-agent'] ?? ''
  }

  get origin(): string {
    return `${this.raw.protocol}://${this.raw.host}`
  }

  get signal(): AbortSignal {
    const controller = new AbortController()
    const { raw } = this.#reply
    if (raw.destroyed) controller.abort()
    else raw.once('close', () => raw.writableFinished || controller.abort())
    return controller.signal
  }

  get closing(): AbortSignal {
    return this.#tools.closing
  }

  get log(): Logger {
    const { principal } = this
    return this.#tools.log.child({
      request_id: this.raw.id,
      ...(principal === undefined ? {} : { actor: actorOf(principal) }),
    })
  }

  xsrfToken(sessionId?: string): string {
    const { principal } = this
    const present =
      principal !== undefined && isSessionPrincipal(principal) ? principal.credential.sessionId : undefined
    return this.#tools.xsrf.tokenFor(this.raw, this.#reply, sessionId ?? present)
  }

  async isStillAllowed(check: (principal: Principal) => boolean = () => true): Promise<boolean> {
    const principal = await this.#tools.findAllowed(this.raw)
    return principal !== undefined && check(principal)
  }

  actor(): Actor {
    if (this.principal === undefined) throw new PlatformError('unauthenticated')
    return { name: actorOf(this.principal), remote: this.remote }
  }
}

/** What all requests share. */
export interface RouteTools {
  readonly xsrf: Xsrf
  readonly log: Logger
  /** Aborted when the app is to close. */
  readonly closing: AbortSignal
  /** Lets the request in anew, as far as its credential and the route's scopes go; undefined: not any more. */
  findAllowed(request: FastifyRequest): Promise<Principal | undefined>
}
