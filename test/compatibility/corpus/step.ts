/**
 * Who asks. A user's name is that user's own full token; `service:` one of the site's tokens; `token:` one captured by an earlier step;
 * `browser:` a user signed in with cookies; `visitor:` a browser that starts without any.
 */
export type Actor =
  | 'anonymous'
  | 'bad token'
  | 'admin'
  | 'alice'
  | 'bob'
  | 'carol'
  | `service:${string}`
  | `token:${string}`
  | `browser:${string}`
  | `visitor:${string}`

/** One request of the corpus. `{{name}}` in request, headers and bodies stands for what an earlier step captured. */
export interface Step {
  /** What it shows; unique in its chapter. */
  name: string
  /** Method and path, sent as they stand: `GET /hub/api/users`. */
  request: string
  /** Default: anonymous. */
  as?: Actor
  headers?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  json?: unknown
  /** Sent as an HTML form; a list repeats its field. */
  form?: Readonly<Record<string, string | readonly string[]>>
  /** Sent as it stands. */
  body?: string
  /** Where a browser puts the value of its `_xsrf` cookie. Default: nowhere. */
  xsrf?: 'header' | 'form' | 'query'
  /** Name by where the value stands: `body/token`, `location?code` (a parameter of the redirect's target). */
  capture?: Readonly<Record<string, string>>
  /** Asked again until the answer's body has this value there. The last answer is the one that counts. */
  until?: { field: string; equals: unknown }
  /** Servers (USER-SERVER) whose gate is opened, before the request or once its answer has begun. */
  opens?: { gate: string; when: 'before' | 'during' }
  /** Server (USER-SERVER) that answers nobody until its gate is opened, where the answer depends on how long a start takes. */
  holds?: string
  /** A list whose order says nothing is compared sorted: where it stands, and by which field. */
  unordered?: { list: 'body' | 'body/api_tokens'; by: string }
  /** Fields whose values mean nothing outside of one machine: compared by type. */
  volatile?: readonly string[]
}

/** Steps in their order, asked of a platform that has just started. Chapters do not know each other. */
export interface Chapter {
  name: string
  title: string
  steps: readonly Step[]
}

/** Lists of users, groups and services come in the order of their making, which is each hub's own for those of the configuration. */
export const unordered = { list: 'body', by: 'name' } as const

/** The header by which a client asks for lists with their `_pagination`. */
export const paged = { accept: 'application/jupyterhub-pagination+json' } as const
