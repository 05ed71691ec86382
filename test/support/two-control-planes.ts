import { randomUUID } from 'node:crypto'
import type { TestContext } from 'node:test'

import { Client } from 'pg'

import { startPlatform, startServe } from './platform.ts'

const postgresUrl = process.env['ATRIUM_TEST_POSTGRES_URL']

/** What to skip tests with that need PostgreSQL. */
export const whyNoPostgres = postgresUrl === undefined && 'PostgreSQL is not installed here'

/** Two replicas of a control plane on a database of their own, behind one edge. */
export async function startTwoControlPlanes(t: TestContext, config: Readonly<Record<string, unknown>> = {}) {
  const name = `atrium_test_${randomUUID().replaceAll('-', '')}`
  await runAsAdministrator(`create database ${name}`)
  const url = new URL(postgresUrl ?? '')
  url.pathname = `/${name}`
  const platform = await startPlatform({ config: JSON.stringify({ store: { url: url.href }, ...config }) })
  const second = await startServe(platform)
  t.after(async () => {
    await second.stop()
    await platform.dispose()
    await runAsAdministrator(`drop database ${name} with (force)`)
  })
  return { platform, second }
}

async function runAsAdministrator(statement: string): Promise<void> {
  const client = new Client({ connectionString: postgresUrl })
  await client.connect()
  await client.query(statement)
  await client.end()
}
