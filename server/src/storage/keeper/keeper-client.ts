import { readFile } from 'node:fs/promises'

import { type ErrorCode, errorTable, PlatformError } from '@atrium/contract/errors.ts'
import { Value } from 'typebox/value'
import { type Dispatcher, request } from 'undici'

import type { MeasuredSize } from '#storage/folder-sizes.ts'
import type { OwnedFolders } from '#storage/owned-folders.ts'
import { failureAnswer, sizeAnswer } from './keeper-messages.ts'

/** The storage keeper from the platform's side. */
export interface KeeperClient extends OwnedFolders {
  /** Undefined: not known yet. Throws as the other calls. */
  findHomeSize(folder: string): Promise<MeasuredSize | undefined>
}

export interface KeeperClientConfig {
  /** `http://HOST:PORT` */
  url: string
  /** Read at each call, so that it can be changed. */
  tokenFile: string
}

const callMs = 5000
const mayRefuse: readonly ErrorCode[] = [
  'conflict',
  'forbidden',
  'storage_full',
  'bad_request',
  'scheduler_unavailable',
]

/** Calls throw what the keeper says, and `scheduler_unavailable` while it does not answer: what waits for it is tried again. */
export function createKeeperClient({ url, tokenFile }: KeeperClientConfig): KeeperClient {
  const call = async (method: Dispatcher.HttpMethod, path: string, body?: object): Promise<unknown> => {
    const token = await readFile(tokenFile, 'utf8').catch((error: unknown) => {
      throw unavailable(`its token cannot be read from ${tokenFile}`, error)
    })
    try {
      const answer = await request(`${url.replace(/\/$/, '')}${path}`, {
        method,
        headers: { authorization: `Bearer ${token.trim()}`, 'content-type': 'application/json' },
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.timeout(callMs),
      })
      const said: unknown = JSON.parse(await answer.body.text())
      if (answer.statusCode !== 200) throw readFailure(answer.statusCode, said)
      return said
    } catch (error) {
      throw error instanceof PlatformError ? error : unavailable('it does not answer', error)
    }
  }
  return {
    async check() {
      await call('GET', '/health')
    },
    async ensureHome({ folder, uid, gid }) {
      await call('PUT', `/homes/${encodeURIComponent(folder)}`, { uid, gid })
    },
    async ensureGroup({ folder, gid }) {
      await call('PUT', `/groups/${encodeURIComponent(folder)}`, { gid })
    },
    async findHomeSize(folder) {
      const said = await call('GET', `/homes/${encodeURIComponent(folder)}/size`)
      if (!Value.Check(sizeAnswer, said)) throw unavailable('it says what is not understood')
      return said.size ?? undefined
    },
  }
}

function readFailure(status: number, said: unknown): PlatformError {
  if (status === errorTable.unauthenticated.status && hasCode(said, 'unauthenticated'))
    return unavailable('it does not know the platform’s token')
  const code = mayRefuse.find((one) => hasCode(said, one))
  if (code === undefined) return unavailable(`it answered ${status}`)
  return new PlatformError(code, { message: (said as { message: string }).message })
}

function hasCode(said: unknown, code: ErrorCode): boolean {
  return Value.Check(failureAnswer, said) && said.code === code
}

function unavailable(why: string, cause?: unknown): PlatformError {
  return new PlatformError('scheduler_unavailable', {
    message: `The storage keeper, which makes homes, is to be waited for: ${why}.`,
    cause,
  })
}
