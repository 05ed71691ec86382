import { readFile } from 'node:fs/promises'
import type { IncomingMessage, RequestOptions } from 'node:http'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'

import { CliError, exitCodes } from './output.ts'
import { findDataFolder, readPlatformInfo } from './platform-info.ts'

/** Which platform is meant; common to all commands that talk to one. */
export interface ConnectionOptions {
  data?: string
  url?: string
  json?: boolean
}

/** Talks to the platform's API as the local administrator, or as the owner of `ATRIUM_TOKEN`. */
export interface Client {
  readonly publicUrl: string
  /** The parsed answer. Throws a `CliError` with the platform's own message. */
  call<T>(method: string, path: string, body?: unknown): Promise<T>
  /** The answer's body as it comes, in the form asked for. */
  stream(path: string, form: 'text' | 'events'): Promise<AsyncIterable<Buffer>>
  /** Follows JupyterHub's pages until the end. */
  list<T>(path: string): Promise<T[]>
  /** The same platform as the owner of another token. */
  withToken(token: string): Client
}

interface Target {
  publicUrl: string
  base: RequestOptions & { secure: boolean }
  token: string
}

/** Finds the platform and a token for it: `--url`, `--data`, or else `ATRIUM_URL`, or a platform of this machine. */
export async function connect(options: ConnectionOptions): Promise<Client> {
  const url = options.url ?? (options.data === undefined ? process.env['ATRIUM_URL'] : undefined)
  return createClient(url === undefined ? await findLocalTarget(options) : findRemoteTarget(url))
}

function createClient(target: Target): Client {
  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const text = await readText(await send(target, { method, path, body }))
    return (text === '' ? undefined : JSON.parse(text)) as T
  }
  return {
    publicUrl: target.publicUrl,
    call,
    stream: (path, form) => send(target, { method: 'GET', path, accept: streamForms[form] }),
    list: (path) => listAll(path, call),
    withToken: (token) => createClient({ ...target, token }),
  }
}

interface Page<T> {
  items: T[]
  _pagination: { next: { offset: number; limit: number } | null }
}

async function listAll<T>(path: string, call: Client['call']): Promise<T[]> {
  const items: T[] = []
  for (let offset = 0; ; ) {
    const page = await call<Page<T> | T[]>(
      'GET',
      `${path}${path.includes('?') ? '&' : '?'}offset=${offset}&limit=200`,
    )
    if (Array.isArray(page)) return page
    items.push(...page.items)
    if (page._pagination.next === null) return items
    offset = page._pagination.next.offset
  }
}

async function findLocalTarget(options: ConnectionOptions): Promise<Target> {
  const info = await readPlatformInfo(findDataFolder(options.data))
  const token = process.env['ATRIUM_TOKEN'] ?? (await readToken(info.tokenFile))
  return { publicUrl: info.publicUrl, base: { socketPath: info.controlSocket, secure: false }, token }
}

function findRemoteTarget(url: string): Target {
  if (!URL.canParse(url)) {
    throw new CliError(`${url} is no URL.`, {
      hint: 'It looks like https://atrium.example.org.',
      exitCode: exitCodes.wrongUsage,
    })
  }
  const token = process.env['ATRIUM_TOKEN']
  if (token === undefined) {
    throw new CliError('A remote platform needs a token.', {
      hint: `Make one at ${url}/hub/token and set ATRIUM_TOKEN.`,
    })
  }
  const { protocol, hostname, port } = new URL(url)
  return { publicUrl: url, base: { hostname, port, secure: protocol === 'https:' }, token }
}

async function readToken(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch {
    throw new CliError(`The local administrator's token (${file}) cannot be read.`, {
      hint: 'Run this as the user who runs the platform, or set ATRIUM_TOKEN to a token of yours.',
    })
  }
}

interface Question {
  method: string
  path: string
  body?: unknown
  accept?: string
}

const streamForms = { text: 'text/plain', events: 'text/event-stream' } as const
const jsonForms = 'application/jupyterhub-pagination+json, application/json'

function send(target: Target, question: Question): Promise<IncomingMessage> {
  const { method, path, body, accept = jsonForms } = question
  const { secure, ...base } = target.base
  const text = body === undefined ? undefined : JSON.stringify(body)
  const { host, protocol } = new URL(target.publicUrl)
  const headers = {
    // By the socket, too, the platform is asked as browsers reach it: links in its answers lead there.
    host,
    'x-forwarded-proto': protocol.slice(0, -1),
    accept,
    authorization: `Bearer ${target.token}`,
    ...(text === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
  }
  return new Promise((resolve, reject) => {
    const request = (secure ? httpsRequest : httpRequest)({ ...base, method, path, headers }, (response) => {
      const { statusCode = 0 } = response
      if (statusCode < 400) resolve(response)
      else readText(response).then((answer) => reject(describeRefusal(statusCode, answer)), reject)
    })
    request.once('error', (error: NodeJS.ErrnoException) =>
      reject(describeConnectionError(error, target.publicUrl)),
    )
    request.end(text)
  })
}

/** Credentials that are missing or do not reach so far. */
const refusals: ReadonlySet<number> = new Set([401, 403])

function describeRefusal(status: number, answer: string): CliError {
  const refusal = { exitCode: refusals.has(status) ? exitCodes.notAllowed : exitCodes.failed, status }
  try {
    const { message } = JSON.parse(answer) as { message?: string }
    if (message !== undefined) return new CliError(message, refusal)
  } catch {
    // Not one of the platform's own answers: the status has to do.
  }
  return new CliError(`The platform answered ${status}.`, refusal)
}

function describeConnectionError(error: NodeJS.ErrnoException, url: string): CliError {
  if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') {
    return new CliError('The platform is not running.', {
      hint: 'Start it with `atrium up`.',
      exitCode: exitCodes.notRunning,
    })
  }
  return new CliError(`The platform at ${url} does not answer (${error.code ?? error.message}).`)
}

async function readText(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}
