import assert from 'node:assert/strict'

import type { RunDetail } from '@atrium/contract/runs-api.ts'
import type { LightMyRequestResponse } from 'fastify'
import { Value } from 'typebox/value'

import { createApp } from '#http/app.ts'
import { createRunRoutes } from '#http/routes/api/runs.ts'
import { createScheduleRoutes } from '#http/routes/api/schedules.ts'
import type { Identity } from '#identity/identity.ts'
import { createTestIdentity } from '#identity/testing.ts'
import { systemActor } from '#observe/audit.ts'
import type { Runs } from '#parallel/runs.ts'
import { createTestRuns } from '#parallel/testing.ts'
import type { FakeClock } from '#platform/fake-clock.ts'
import { createSilentLogger } from '#platform/log.ts'
import type { QuotaLimits } from '#scheduler/quota.ts'
import { createTestPlatform, type TestPlatform, type TestReplica, until } from '#scheduler/testing.ts'
import type { TestStoreKind } from '#store/testing.ts'

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'

/** A platform on which people run programs. Time stands still but for `until`. */
export interface RunSite {
  platform: TestPlatform
  replica: TestReplica
  identity: Identity
  runs: Runs
  /** Another control plane's. */
  openRuns(): Runs
  clock: FakeClock
  /** Asks with a token of this user that may do all that the user may, or with the token given. */
  ask(who: string, method: Method, url: string, body?: unknown): Promise<LightMyRequestResponse>
  /** Starts a run; fails unless it is accepted. */
  start(who: string, request: Record<string, unknown>): Promise<RunDetail>
  /** The run once `condition` holds for it, while the clock runs. */
  untilRun(who: string, id: number, what: string, condition: (run: RunDetail) => boolean): Promise<RunDetail>
}

interface RunSiteOptions {
  limits?: Partial<QuotaLimits>
}

/** `ada` is administrator, `alice` and `bob` are users. */
export async function withRunSite(
  kind: TestStoreKind,
  check: (site: RunSite) => Promise<void>,
  { limits = {} }: RunSiteOptions = {},
): Promise<void> {
  const platform = await createTestPlatform(kind, { limits })
  const replica = await platform.open()
  const { clock } = platform
  const identity = createTestIdentity({ store: replica.store, clock })
  const runs = createTestRuns({ ...replica, clock, identity })
  const routeOptions = {
    ...{ runs, schedules: runs.schedules, jobs: replica.jobs, users: identity.users },
    findServerEnvironment: async () => ({ prefix: '/env/of-server' }),
  }
  const app = createApp({
    routes: [...createRunRoutes(routeOptions), ...createScheduleRoutes(routeOptions)],
    principals: identity.principals,
    xsrfKey: Buffer.alloc(32, 7),
    secure: false,
    log: createSilentLogger(),
    checkAnswer({ path, schemas }, status, payload) {
      const schema = schemas.responses[status]
      if (schema) assert.deepEqual([...Value.Errors(schema, payload)], [], path)
    },
  })
  runs.start()
  try {
    await identity.applyConfig({ admins: ['ada'], groups: {}, roles: [] })
    await identity.users.create([{ name: 'alice' }, { name: 'bob' }], systemActor)
    const tokens = await createTokens(identity, ['ada', 'alice', 'bob'])
    const ask: RunSite['ask'] = (who, method, url, body) =>
      app.inject({
        method,
        url,
        headers: { authorization: `token ${tokens.get(who) ?? who}` },
        ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
      })
    const show = async (who: string, id: number) =>
      (await ask(who, 'GET', `/api/v1/runs/${id}`)).json<RunDetail>()
    await check({
      ...{ platform, replica, identity, runs, clock, ask },
      openRuns: () => createTestRuns({ ...replica, clock, identity }),
      async start(who, request) {
        const answer = await ask(who, 'POST', '/api/v1/runs', request)
        assert.equal(answer.statusCode, 201, answer.body)
        return answer.json()
      },
      untilRun: (who, id, what, condition) =>
        until(what, clock, async () => {
          const run = await show(who, id)
          return condition(run) ? run : undefined
        }),
    })
  } finally {
    await runs.close()
    await app.close()
    await identity.close()
    await platform.dispose()
  }
}

async function createTokens(identity: Identity, names: readonly string[]): Promise<Map<string, string>> {
  const tokens = new Map<string, string>()
  for (const name of names) {
    const { id } = await identity.users.get(name)
    const owner = { kind: 'user' as const, id, name }
    const { secret } = await identity.tokens.create({ owner, scopes: ['inherit'], note: '' }, systemActor)
    tokens.set(name, secret)
  }
  return tokens
}
