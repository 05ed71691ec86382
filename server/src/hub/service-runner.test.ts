import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { withHubSite } from '#http/testing/hub-site.ts'
import { systemClock } from '#platform/clock.ts'
import { createSilentLogger } from '#platform/log.ts'
import { waitFor } from '#platform/wait-for.ts'
import { testStoreKinds } from '#store/testing.ts'

import type { ServiceConfig } from './service-config.ts'
import { createServiceRunner } from './service-runner.ts'

const culler: ServiceConfig = {
  name: 'culler',
  command: ['wait'],
  environment: { EXTRA: '1' },
  admin: false,
  display: true,
  info: {},
  oauthClientAllowedScopes: [],
}

for (const kind of testStoreKinds) {
  describe(`services with a command on ${kind.kind}`, () => {
    test('run with the environment that JupyterHub gives and a token of their own', () =>
      withHubSite(
        kind,
        async ({ world }, replica) => {
          const run = await waitFor('the service', () =>
            world.listRuns().find(({ state }) => state === 'running'),
          )
          const { environment } = run.spec
          assert.equal(environment['JUPYTERHUB_SERVICE_NAME'], 'culler')
          assert.equal(environment['JUPYTERHUB_API_URL'], 'http://127.0.0.1:8000/hub/api')
          assert.equal(environment['EXTRA'], '1')
          const token = environment['JUPYTERHUB_API_TOKEN'] ?? ''
          const principal = await replica.identity.principals.findByToken(token)
          assert.deepEqual([principal?.kind, principal?.name], ['service', 'culler'])
          const [job] = await replica.jobs.list({ kind: 'app' })
          assert.ok(!JSON.stringify(job).includes(token))
        },
        { services: [culler] },
      ))

    test('are ended when the configuration does not name them any more', () =>
      withHubSite(
        kind,
        async ({ world }, replica) => {
          await waitFor('the service', () => world.listRuns().some(({ state }) => state === 'running'))
          const [before] = await replica.jobs.list({ kind: 'app' })
          const term = new AbortController()
          const lease = { name: 'hub', holder: 'test', fence: 1 }
          const part = createServiceRunner({
            ...replica,
            ...replica.identity,
            configured: [],
            settings: {
              hubUrl: '',
              environmentPrefix: '',
              owner: { name: '', login: '', home: '' },
              stopGraceMs: 1,
            },
            clock: systemClock,
            log: createSilentLogger(),
            everyMs: 1000,
          })({ lease, signal: term.signal })
          await waitFor(
            'its end to be wanted',
            async () => (await replica.jobs.find(before?.key ?? ''))?.desired === 'stop',
          )
          term.abort()
          await part
        },
        { services: [culler] },
      ))

    test('are started again when they end, with a new token', () =>
      withHubSite(
        kind,
        async ({ world }, replica) => {
          const runs = () => world.listRuns()
          const first = await waitFor('the service', () => runs().find(({ state }) => state === 'running'))
          first.kill?.({ state: 'failed', reason: 'exit_status', exitCode: 1, message: 'gone' })
          const second = await waitFor('the next', () =>
            runs().find((run) => run !== first && run.state === 'running'),
          )
          const tokens = [first, second].map(({ spec }) => spec.environment['JUPYTERHUB_API_TOKEN'] ?? '')
          assert.equal(await replica.identity.principals.findByToken(tokens[0] ?? ''), undefined)
          assert.ok(await replica.identity.principals.findByToken(tokens[1] ?? ''))
        },
        { services: [culler] },
      ))
  })
}
