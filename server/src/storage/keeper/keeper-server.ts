import { createHash, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'

import { isPlatformError, PlatformError } from '@atrium/contract/errors.ts'
import type { Static, TSchema } from 'typebox'
import { Value } from 'typebox/value'

import type { Clock } from '#platform/clock.ts'
import type { Logger } from '#platform/log.ts'

import { createFolderSizes, type FolderSizes } from '#storage/folder-sizes.ts'
import {
  createOwnedFolders,
  type FolderKind,
  type OwnedFolders,
  openOwnedFolder,
} from '#storage/owned-folders.ts'
import { groupRequest, homeRequest } from './keeper-messages.ts'

/** How the keeper runs. */
export interface KeeperConfig {
  /** Where the storage is. */
  root: string
  /** Who holds what is in it may ask. Read at each request, so that it can be changed. */
  tokenFile: string
}

const largestBody = 1000
const shortestToken = 32
const methods = { ensure: 'PUT', size: 'GET', health: 'GET' } as const

/**
 * Makes homes and folders of groups for a platform that is no root, and says what is in them. It takes names and numbers, never paths; it gives
 * away what it has just made and nothing else.
 */
export function createKeeperServer(
  config: KeeperConfig,
  { clock, log }: { clock: Clock; log: Logger },
): Server {
  const folders = createOwnedFolders(config)
  const sizes = createFolderSizes<Place>({
    clock,
    open: ({ kind, folder }) => openOwnedFolder(config.root, kind, folder),
    keyOf: ({ kind, folder }) => `${kind}/${folder}`,
  })
  const server = createServer((request, response) => {
    answer({ config, folders, sizes }, request)
      .catch((error: unknown) => describeFailure(error, log))
      .then(({ status, body }) => send(response, status, body))
      .catch((error: unknown) => log.warn({ err: error }, 'an answer could not be sent'))
  })
  server.requestTimeout = 10_000
  server.headersTimeout = 5000
  server.on('close', () => sizes.close())
  return server
}

interface Place {
  kind: FolderKind
  folder: string
}

interface Parts {
  config: KeeperConfig
  folders: OwnedFolders
  sizes: FolderSizes<Place>
}

interface Answer {
  status: number
  body: object
}

async function answer({ config, folders, sizes }: Parts, request: IncomingMessage): Promise<Answer> {
  const { method = '', url = '' } = request
  if (url === '/health') {
    expectMethod(method, methods.health)
    await folders.check()
    return { status: 200, body: { ok: true } }
  }
  await authenticate(config.tokenFile, request.headers.authorization)
  const { kind, folder, isSize } = parsePath(url)
  if (isSize) {
    expectMethod(method, methods.size)
    return { status: 200, body: { size: (await sizes.find({ kind, folder })) ?? null } }
  }
  expectMethod(method, methods.ensure)
  if (kind === 'homes') await folders.ensureHome({ folder, ...(await readBody(request, homeRequest)) })
  else await folders.ensureGroup({ folder, ...(await readBody(request, groupRequest)) })
  return { status: 200, body: {} }
}

function parsePath(url: string): Place & { isSize: boolean } {
  const [, kind, folder, size] = /^\/(homes|groups)\/([a-z0-9_-]+)(\/size)?$/.exec(url) ?? []
  if (folder === undefined || (kind !== 'homes' && kind !== 'groups')) throw new PlatformError('not_found')
  return { kind, folder, isSize: size !== undefined }
}

function expectMethod(method: string, wanted: string): void {
  if (method !== wanted) throw new PlatformError('method_not_allowed')
}

async function authenticate(tokenFile: string, header = ''): Promise<void> {
  const token = await readKeeperToken(tokenFile)
  const digest = (text: string) => createHash('sha256').update(text).digest()
  if (!timingSafeEqual(digest(header), digest(`Bearer ${token}`))) throw new PlatformError('unauthenticated')
}

/** Throws `forbidden` for a token that could be guessed. */
export async function readKeeperToken(file: string): Promise<string> {
  const token = (await readFile(file, 'utf8')).trim()
  if (token.length < shortestToken)
    throw new PlatformError('forbidden', {
      message: `The token in ${file} is shorter than ${shortestToken} characters.`,
    })
  return token
}

async function readBody<T extends TSchema>(request: IncomingMessage, schema: T): Promise<Static<T>> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length
    if (length > largestBody) throw new PlatformError('too_large')
    parts.push(part)
  }
  try {
    const body: unknown = JSON.parse(Buffer.concat(parts).toString())
    if (Value.Check(schema, body)) return body
  } catch {
    // As below.
  }
  throw new PlatformError('bad_request')
}

function describeFailure(error: unknown, log: Logger): Answer {
  if (isPlatformError(error)) {
    if (error.status >= 500) log.warn({ err: error }, 'the storage is in trouble')
    return { status: error.status, body: { code: error.code, message: error.message } }
  }
  log.error({ err: error }, 'a request failed')
  return {
    status: 500,
    body: { code: 'internal', message: 'The storage keeper failed. Its log has the details.' },
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    connection: status >= 400 ? 'close' : 'keep-alive',
  })
  response.end(JSON.stringify(body))
}
