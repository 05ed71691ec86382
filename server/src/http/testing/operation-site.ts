import assert from 'node:assert/strict'

import { PlatformError } from '@atrium/contract/errors.ts'
import type { FastifyInstance } from 'fastify'
import { Value } from 'typebox/value'

import { createApp } from '#http/app.ts'
import { createOperationRoutes } from '#http/operation-routes.ts'
import type { Identity } from '#identity/identity.ts'
import { createTestIdentity } from '#identity/testing.ts'
import { createHomeSpaces } from '#main/home-spaces.ts'
import { systemActor } from '#observe/audit.ts'
import { createTestRuns } from '#parallel/testing.ts'
import type { FakeClock } from '#platform/fake-clock.ts'
import { createSilentLogger } from '#platform/log.ts'
import { buildTestRequest, createTestPlatform, type TestReplica, untilState } from '#scheduler/testing.ts'
import type { HomeSpaces } from '#storage/home-space.ts'
import type { Store } from '#store/store.ts'
import type { TestStoreKind } from '#store/testing.ts'

/** A platform of jobs with the routes of those who look after it. */
export interface OperationSite {
  replica: TestReplica
  identity: Identity
  clock: FakeClock
  /** Asks with the token of a user, or with the token given. */
  ask<T>(
    user: string,
    path: string,
    method?: 'GET' | 'PUT' | 'DELETE',
    body?: object,
  ): Promise<{ status: number; body: T }>
  /** A job of a user, running unless its owner's limits keep it waiting. */
  startJob(user: string, state: 'running' | 'queued', kind?: 'server' | 'batch'): Promise<string>
}

/** `ada` is administrator, `alice` and `bob` are users, who may run one server each. */
export async function withOperationSite(
  kind: TestStoreKind,
  check: (site: OperationSite) => Promise<void>,
): Promise<void> {
  const platform = await createTestPlatform(kind, { limits: { defaultUser: { servers: 1 } } })
  const replica = await platform.open()
  const { store, jobs } = replica
  const { clock } = platform
  const identity = createTestIdentity({ store, clock })
  const app = createTestApp({ replica, identity, platform })
  try {
    await identity.applyConfig({ admins: ['ada'], groups: {}, roles: [auditors, deputies] })
    await identity.users.create([{ name: 'alice' }, { name: 'bob' }], systemActor)
    const secrets = await createTokens(identity)
    let subjects = 0
    await check({
      replica,
      identity,
      clock,
      async ask(user, path, method = 'GET', body) {
        const headers = { authorization: `Bearer ${secrets.get(user) ?? user}` }
        const response = await app.inject({
          ...{ method, url: path, headers },
          ...(body === undefined ? {} : { payload: body }),
        })
        return { status: response.statusCode, body: response.body ? JSON.parse(response.body) : undefined }
      },
      async startJob(name, state, jobKind = 'server') {
        const { id } = await identity.users.get(name)
        const subject = `cluster:${++subjects}`
        const spec = { resources: { cpu: 1 } }
        const request = buildTestRequest(['wait'], { kind: jobKind, userId: id, subject, spec })
        const { key } = await store.transaction((tx) => jobs.request(tx, request))
        await untilState(replica, clock, key, state)
        return key
      },
    })
  } finally {
    await app.close()
    await identity.close()
    await platform.dispose()
  }
}

const nobody = { users: [], groups: [], services: [] }
const auditors = { name: 'auditor', description: 'Reads the record', scopes: ['read:audit'], ...nobody }
const deputies = {
  name: 'deputy',
  description: 'Gives roles',
  scopes: ['admin:roles', 'read:nodes'],
  ...nobody,
  users: ['bob'],
}

function createTestApp(site: {
  replica: TestReplica
  identity: Identity
  platform: Awaited<ReturnType<typeof createTestPlatform>>
}): FastifyInstance {
  const { replica, identity, platform } = site
  return createApp({
    routes: createOperationRoutes({
      store: replica.store,
      clock: platform.clock,
      identity,
      jobs: replica.jobs,
      runs: createTestRuns({ ...replica, clock: platform.clock, identity }),
      homes: createTestHomes(replica.store, platform.clock),
      findServerEnvironment: async () => undefined,
      version: '1.2.3',
      startedAtMs: platform.clock.now(),
      publicUrl: 'http://hub.example',
      driver: 'memory',
      leaseName: 'job-reconciler',
      prices: { currency: 'EUR', coreHour: 0.5, partitions: { default: { coreHour: 1 } } },
    }),
    principals: identity.principals,
    xsrfKey: Buffer.alloc(32, 7),
    secure: false,
    log: createSilentLogger(),
    checkAnswer({ path, schemas }, status, payload) {
      const schema = schemas.responses[status]
      if (schema) assert.deepEqual([...Value.Errors(schema, payload)], [], path)
    },
  })
}

/** Homes of 100 MiB, of which each has as many MiB in it as its owner's name says. */
function createTestHomes(store: Store, clock: FakeClock): HomeSpaces {
  const mebibyte = 2 ** 20
  return createHomeSpaces({
    ...{ store, clock },
    storage: {
      ...{ holds: true, sizeBytes: 100 * mebibyte },
      find: async ({ name }) => ({
        usedBytes: Number(/\d+/.exec(name)?.[0] ?? 1) * mebibyte,
        measuredAtMs: 1_000_000,
      }),
      async resize(_login, bytes) {
        if (bytes < 50 * mebibyte)
          throw new PlatformError('unprocessable', { message: 'Volumes cannot become smaller.' })
      },
    },
  })
}

async function createTokens(identity: Identity): Promise<ReadonlyMap<string, string>> {
  const secrets = new Map<string, string>()
  for (const name of ['ada', 'alice', 'bob']) {
    const { id } = await identity.users.get(name)
    const owner = { kind: 'user' as const, id, name }
    const { secret } = await identity.tokens.create({ owner, scopes: ['inherit'], note: '' }, systemActor)
    secrets.set(name, secret)
  }
  return secrets
}
