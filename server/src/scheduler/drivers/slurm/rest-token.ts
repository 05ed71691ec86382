import { createHmac } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'

import { PlatformError } from '@atrium/contract/errors.ts'
import type { Clock } from '#platform/clock.ts'

/** Says to slurmrestd on whose behalf a request comes. Tokens stay in memory: they stand in no log and in nobody's arguments. */
export interface RestTokens {
  /** Request headers for that login. `fresh`: not one from before. Throws `scheduler_unavailable` when the secret cannot be read. */
  headersFor(login: string, options?: { fresh?: boolean }): Promise<Readonly<Record<string, string>>>
  /** What an administrator should look at when Slurm does not take them. */
  hint: string
}

interface MintedOptions {
  /** The file of `AuthAltParameters=jwt_key=…`. */
  keyFile: string
  clock: Clock
  lifetimeMs?: number
}

interface MintedToken {
  text: string
  /** From then on a new one is made. */
  staleAtMs: number
}

const defaultLifetimeMs = 10 * 60_000
/** Logins whose tokens are kept. */
const mostKept = 1000

/** A token of its own for each user, signed with the cluster's key and good for minutes. */
export function createMintedTokens({
  keyFile,
  clock,
  lifetimeMs = defaultLifetimeMs,
}: MintedOptions): RestTokens {
  const readKey = createFileReader(keyFile)
  const kept = new Map<string, MintedToken>()
  let keptFor: Buffer | undefined
  return {
    hint: `is ${keyFile} the file that slurm.conf and slurmdbd.conf name by AuthAltParameters=jwt_key=, and are the clocks right?`,
    async headersFor(login, { fresh = false } = {}) {
      const key = await readKey()
      if (key !== keptFor || kept.size > mostKept) kept.clear()
      keptFor = key
      const nowMs = clock.now()
      let token = fresh ? undefined : kept.get(login)
      if (token === undefined || nowMs >= token.staleAtMs || nowMs < token.staleAtMs - lifetimeMs) {
        token = { text: signToken(key, login, nowMs, lifetimeMs), staleAtMs: nowMs + lifetimeMs / 2 }
        kept.set(login, token)
      }
      return { 'X-SLURM-USER-NAME': login, 'X-SLURM-USER-TOKEN': token.text }
    },
  }
}

/** One token of SlurmUser or root, who may act for others, from a file that a site renews (`scontrol token`). */
export function createFileTokens({ tokenFile }: { tokenFile: string }): RestTokens {
  const read = createFileReader(tokenFile)
  return {
    hint: `has the token in ${tokenFile} expired, and is it SlurmUser's or root's (scontrol token)?`,
    async headersFor(login) {
      const text = (await read()).toString('latin1').trim()
      // As `scontrol token` prints it.
      const token = text.replace(/^SLURM_JWT=/, '')
      if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) throw buildTrouble(`${tokenFile} holds no token`)
      return { 'X-SLURM-USER-NAME': login, 'X-SLURM-USER-TOKEN': token }
    },
  }
}

/** The file's content; read again only after it has changed. The same object until then. */
function createFileReader(path: string): () => Promise<Buffer> {
  let known: { version: string; content: Buffer } | undefined
  return async () => {
    try {
      const { mtimeMs, ctimeMs, ino, size } = await stat(path)
      const version = [mtimeMs, ctimeMs, ino, size].join()
      if (known?.version !== version) known = { version, content: await readFile(path) }
    } catch (error) {
      throw buildTrouble(`${path} cannot be read`, error)
    }
    if (known.content.length === 0) throw buildTrouble(`${path} is empty`)
    return known.content
  }
}

/** HS256, with the claims that Slurm reads. */
function signToken(key: Buffer, login: string, nowMs: number, lifetimeMs: number): string {
  const issued = Math.floor(nowMs / 1000)
  const claims = { iat: issued, exp: issued + Math.ceil(lifetimeMs / 1000), sun: login }
  const body = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`
  return `${body}.${createHmac('sha256', key).update(body).digest('base64url')}`
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function buildTrouble(why: string, cause?: unknown): PlatformError {
  return new PlatformError('scheduler_unavailable', { message: `Slurm's REST service: ${why}`, cause })
}
