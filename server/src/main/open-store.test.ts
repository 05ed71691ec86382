import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { PlatformError } from '@atrium/contract/errors.ts'
import { parseConfig } from '#config/parse-config.ts'
import { systemClock } from '#platform/clock.ts'
import { createSilentLogger } from '#platform/log.ts'

import { describeDataFolder } from './data-folder.ts'
import { openStore } from './open-store.ts'

describe('a store that cannot be opened says which one, why, and what to do', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'atrium-store-'))
  })
  after(() => rm(folder, { recursive: true }))

  const refused = async (config: string): Promise<string> => {
    const opening = openStore(parseConfig(config, 'atrium.yaml'), describeDataFolder(folder), {
      clock: systemClock,
      log: createSilentLogger(),
    })
    const error: unknown = await opening.then(
      () => undefined,
      (reason: unknown) => reason,
    )
    assert.ok(error instanceof PlatformError, String(error))
    return error.message
  }

  test('a file that is no database', async () => {
    await writeFile(join(folder, 'atrium.db'), 'x'.repeat(10_000))
    assert.match(await refused('{}'), /atrium\.db cannot be opened: file is not a database\..*backup/)
  })

  test('a PostgreSQL that does not answer, without its password', async () => {
    const message = await refused('store: {url: "postgresql://hub:secret@127.0.0.1:9/atrium"}')
    assert.match(message, /postgresql:\/\/hub@127\.0\.0\.1:9\/atrium cannot be used: .*ECONNREFUSED/)
    assert.doesNotMatch(message, /secret/)
  })

  test('a file with the url that is not there', async () => {
    assert.match(
      await refused(`store: {urlFile: ${join(folder, 'url')}}`),
      /url \(store\.urlFile\) cannot be read/,
    )
  })
})
