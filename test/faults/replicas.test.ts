import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, type TestContext, test } from 'node:test'

import { waitFor } from '@atrium/server/platform/wait-for.ts'
import { Client } from 'pg'

import { type Platform, startPlatform, startServe } from '../support/platform.ts'
import { findJobProcesses, requestServer, trivialServer, waitUntilReady } from '../support/servers.ts'

const postgresUrl = process.env['ATRIUM_TEST_POSTGRES_URL']
const skip = postgresUrl === undefined && 'PostgreSQL is not installed here'

describe('two control planes on PostgreSQL', { skip }, () => {
  test('one is killed: the other answers every request, takes the lead, and nothing starts twice', async (t) => {
    const { platform } = await startBoth(t)
    await requestServer(platform, 'alice')
    await waitUntilReady(platform, 'alice')
    const alices = findJobProcesses(platform, 'alice')
    const load = keepAsking(platform)
    await waitFor('some answers', () => load.statuses.length > 20)
    await platform.kill()
    await requestServer(platform, 'bob')
    await waitFor(
      'bob’s server, started by the other one',
      async () => {
        const { body } = await platform.api<{ server: string | null }>('GET', '/hub/api/users/bob')
        return body.server
      },
      { deadlineMs: 60_000, everyMs: 100 },
    )
    assert.deepEqual([...new Set(await load.stop())], [200])
    assert.deepEqual(findJobProcesses(platform, 'alice'), alices)
    assert.equal(findJobProcesses(platform, 'bob').length, 1)
    await platform.startAgain()
  })
})

/** One request after the other, by the public door. What is in flight at the moment of a kill may be lost: it is asked again once. */
function keepAsking(platform: Platform) {
  const statuses: number[] = []
  let isStopping = false
  const ask = () => platform.api('GET', '/hub/api/users/alice').then(({ status }) => status)
  const done = (async () => {
    while (!isStopping) statuses.push(await ask().catch(ask))
  })()
  return {
    statuses,
    async stop() {
      isStopping = true
      await done
      return statuses
    },
  }
}

async function startBoth(t: TestContext) {
  const name = `atrium_test_${randomUUID().replaceAll('-', '')}`
  await runAsAdministrator(`create database ${name}`)
  const url = new URL(postgresUrl ?? '')
  url.pathname = `/${name}`
  const config = JSON.stringify({ store: { url: url.href }, servers: { command: trivialServer } })
  const platform = await startPlatform({ config })
  const second = await startServe(platform)
  t.after(async () => {
    await second.stop()
    await platform.dispose()
    await runAsAdministrator(`drop database ${name} with (force)`)
  })
  return { platform }
}

async function runAsAdministrator(statement: string): Promise<void> {
  const client = new Client({ connectionString: postgresUrl })
  await client.connect()
  await client.query(statement)
  await client.end()
}
