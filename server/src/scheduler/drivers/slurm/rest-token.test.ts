import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { isPlatformError } from '@atrium/contract/errors.ts'
import { createFakeClock } from '#platform/fake-clock.ts'
import { createFileTokens, createMintedTokens, type RestTokens } from './rest-token.ts'

let folder = ''
const tokenOf = async (tokens: RestTokens, login: string, fresh = false) =>
  (await tokens.headersFor(login, { fresh }))['X-SLURM-USER-TOKEN'] ?? ''

/** The claims of a token that this key has signed. */
function open(token: string, key: Buffer): { sun: string; iat: number; exp: number } {
  const [head = '', claims = '', signature] = token.split('.')
  assert.equal(signature, createHmac('sha256', key).update(`${head}.${claims}`).digest('base64url'))
  assert.deepEqual(JSON.parse(Buffer.from(head, 'base64url').toString()), { alg: 'HS256', typ: 'JWT' })
  return JSON.parse(Buffer.from(claims, 'base64url').toString())
}

/** As a site does it: never half a file. */
function replace(path: string, content: string | Buffer): void {
  writeFileSync(`${path}.new`, content)
  renameSync(`${path}.new`, path)
}

const isTrouble = (pattern: RegExp) => (error: unknown) =>
  isPlatformError(error) && error.code === 'scheduler_unavailable' && pattern.test(error.message)

describe('Slurm REST: tokens', () => {
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'atrium-tokens-'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  test('minted for each user, short-lived, and made anew before they expire', async () => {
    const clock = createFakeClock(1_000_000_000_000)
    const [keyFile, key] = [join(folder, 'jwt.key'), randomBytes(32)]
    replace(keyFile, key)
    const tokens = createMintedTokens({ keyFile, clock, lifetimeMs: 600_000 })
    const first = await tokenOf(tokens, 'alice')
    assert.deepEqual(open(first, key), { sun: 'alice', iat: 1_000_000_000, exp: 1_000_000_600 })
    assert.equal(open(await tokenOf(tokens, 'bob'), key).sun, 'bob')
    assert.equal(await tokenOf(tokens, 'alice'), first)
    await clock.advance(310_000)
    assert.equal(open(await tokenOf(tokens, 'alice'), key).exp, 1_000_000_910)
    await clock.advance(1000)
    assert.equal(open(await tokenOf(tokens, 'alice', true), key).exp, 1_000_000_911)
  })

  test('a key that was replaced is used from then on', async () => {
    const keyFile = join(folder, 'rotated.key')
    const keys = [randomBytes(32), randomBytes(32)] as const
    replace(keyFile, keys[0])
    const tokens = createMintedTokens({ keyFile, clock: createFakeClock() })
    open(await tokenOf(tokens, 'alice'), keys[0])
    replace(keyFile, keys[1])
    open(await tokenOf(tokens, 'alice'), keys[1])
  })

  test("a site's token, for whoever is named, read anew when its file changes", async () => {
    const tokenFile = join(folder, 'token')
    replace(tokenFile, 'SLURM_JWT=a.b.c-1\n')
    const tokens = createFileTokens({ tokenFile })
    assert.deepEqual(await tokens.headersFor('alice'), {
      'X-SLURM-USER-NAME': 'alice',
      'X-SLURM-USER-TOKEN': 'a.b.c-1',
    })
    replace(tokenFile, 'd.e.f')
    assert.equal(await tokenOf(tokens, 'bob'), 'd.e.f')
    replace(tokenFile, 'd.e.f\r\nX-Other: 1')
    await assert.rejects(tokenOf(tokens, 'bob'), isTrouble(/holds no token/))
  })

  test('a secret that is not there is trouble of the scheduler', async () => {
    const absent = join(folder, 'absent')
    const clock = createFakeClock()
    await assert.rejects(
      tokenOf(createMintedTokens({ keyFile: absent, clock }), 'a'),
      isTrouble(/cannot be read/),
    )
    await assert.rejects(tokenOf(createFileTokens({ tokenFile: absent }), 'a'), isTrouble(/cannot be read/))
    writeFileSync(absent, '')
    await assert.rejects(tokenOf(createMintedTokens({ keyFile: absent, clock }), 'a'), isTrouble(/is empty/))
  })
})
