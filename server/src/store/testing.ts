import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { type Clock, systemClock } from '#platform/clock.ts'
import { createSilentLogger } from '#platform/log.ts'
import { openPostgresStore } from './postgres-store.ts'
import { openSqliteStore } from './sqlite-store.ts'
import type { Store } from './store.ts'

/** A place for one test's data; several stores opened on it are replicas of one platform. */
export interface TestStoreSite {
  /** The database's file, or its URL. */
  readonly location: string
  open(options?: { clock?: Clock }): Promise<Store>
  dispose(): Promise<void>
}

export interface TestStoreKind {
  kind: Store['kind']
  createSite(): Promise<TestStoreSite>
}

/** The server that tests may make schemas on; `npm test` starts one where PostgreSQL is installed. */
const postgresUrl = process.env['ATRIUM_TEST_POSTGRES_URL']

/** Every kind of store this machine can test: loop over them and put `kind` in the title. */
export const testStoreKinds: readonly TestStoreKind[] = [
  { kind: 'sqlite', createSite: createSqliteSite },
  ...(postgresUrl === undefined
    ? []
    : [{ kind: 'postgres' as const, createSite: () => createPostgresSite(postgresUrl) }]),
]

async function createSqliteSite(): Promise<TestStoreSite> {
  const folder = await mkdtemp(join(tmpdir(), 'atrium-store-'))
  const location = join(folder, 'atrium.db')
  return {
    location,
    open: ({ clock = systemClock } = {}) =>
      openSqliteStore({ path: location, clock, log: createSilentLogger() }),
    dispose: () => rm(folder, { recursive: true }),
  }
}

async function createPostgresSite(url: string): Promise<TestStoreSite> {
  const { default: pg } = await import('pg')
  const name = `atrium_test_${randomUUID().replaceAll('-', '')}`
  const admin = async (statement: string) => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    await client.query(statement)
    await client.end()
  }
  await admin(`create database ${name}`)
  const site = new URL(url)
  site.pathname = `/${name}`
  return {
    location: site.href,
    open: ({ clock = systemClock } = {}) =>
      openPostgresStore({ url: site.href, clock, log: createSilentLogger() }),
    dispose: () => admin(`drop database ${name} with (force)`),
  }
}
