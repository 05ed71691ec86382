import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { createClient, type HubClient, type HubSiteOptions, withHubSite } from '#http/testing/hub-site.ts'
import { systemClock } from '#platform/clock.ts'
import { waitFor } from '#platform/wait-for.ts'
import { testStoreKinds } from '#store/testing.ts'

import { parseIdleReport } from './idle-report.ts'
import type { IdleSettings } from './profile-config.ts'

const start = '/hub/api/users/alice/server'
const details = '/api/v1/servers/alice/-'
const path = '/user/alice/'

/** Looks all the time, so that only the settings decide how long something takes. */
function withIdle(settings: Partial<IdleSettings>): HubSiteOptions {
  const idle = { stop: true, afterMs: 400, warningMs: 200, cpuCores: 0.1, ...settings }
  return { profiles: { profiles: [], idle }, times: { idle: { tick: 20, calm: 20, near: 20 }, activity: 20 } }
}

async function readDetails(client: HubClient) {
  return JSON.parse((await client.request('GET', details)).body)
}

/** The same with the words of the reasons alone. */
function withoutTimes<Idle extends { reasons: readonly { text: string }[] }>(idle: Idle) {
  return { ...idle, reasons: idle.reasons.map(({ text }) => text) }
}

function busyKernel() {
  const last_activity = '2001-01-01T00:00:00Z'
  return { id: 'abcdefgh-1234', name: 'python3', execution_state: 'busy', last_activity, connections: 0 }
}

for (const kind of testStoreKinds) {
  describe(`the idle stop on ${kind.kind}`, () => {
    test('warns, and stops a server that nobody uses, saying why', () =>
      withHubSite(
        kind,
        async (_site, replica) => {
          const alice = await createClient(replica, 'alice')
          await alice.request('POST', start)
          const warned = await waitFor('the warning', async () => {
            const { idle } = await readDetails(alice)
            return idle?.warned ? idle : undefined
          })
          assert.ok(warned.stopsAtMs > 0)
          const stopped = await waitFor('the stop', async () => {
            const server = await readDetails(alice)
            return server.state === 'stopped' ? server : undefined
          })
          assert.deepEqual([stopped.reason, stopped.idle], ['idle', undefined])
          const events = await replica.store.db.selectFrom('job_events').select(['kind', 'message']).execute()
          assert.ok(
            events.some(({ kind, message }) => kind === 'warning' && /will be stopped at/.test(message)),
          )
        },
        withIdle({}),
      ))

    test('leaves a server whose kernel is busy, and says so', () =>
      withHubSite(
        kind,
        async ({ notebooks }, replica) => {
          const alice = await createClient(replica, 'alice')
          notebooks.kernels.set(path, [busyKernel()])
          await alice.request('POST', start)
          const since = Date.now()
          const idle = await waitFor('looks for twice its idle time', async () => {
            const server = await readDetails(alice)
            assert.equal(server.state, 'running')
            return Date.now() - since > 800 ? server.idle : undefined
          })
          assert.deepEqual(withoutTimes(idle), {
            inUse: true,
            reasons: ['Kernel python3 (abcdefgh) is busy.'],
            warned: false,
            timeoutMs: 400,
          })
          notebooks.kernels.set(path, [])
          await waitFor('the stop', async () => (await readDetails(alice)).state === 'stopped')
        },
        withIdle({}),
      ))

    test('"keep it running" takes the warning back', () =>
      withHubSite(
        kind,
        async (_site, replica) => {
          const alice = await createClient(replica, 'alice')
          await alice.request('POST', start)
          await waitFor('the warning', async () => (await readDetails(alice)).idle?.warned)
          await alice.request('POST', `${details}/keep-running`, { forMs: 60_000 })
          const idle = await waitFor('a look', async () => {
            const server = await readDetails(alice)
            return server.idle?.inUse ? server.idle : undefined
          })
          assert.equal(idle.warned, false)
          assert.deepEqual(withoutTimes(idle).reasons, ['Somebody asked to keep it running.'])
          assert.ok(idle.keepUntilMs > Date.now())
        },
        withIdle({ warningMs: 60_000, afterMs: 60_000 }),
      ))

    test('requests of a forgotten tab are no use, messages of a person are', () =>
      withHubSite(
        kind,
        async ({ edge }, replica) => {
          const alice = await createClient(replica, 'alice')
          await alice.request('POST', start)
          const lastUse = async () => {
            const record = await replica.hub.findServer('alice', '')
            return parseIdleReport(record?.idleReport ?? null)?.lastUseMs ?? 0
          }
          const ready = await waitFor('the first look', lastUse)
          const lastActivityMs = Date.now() + 2000
          const route = { prefix: path, lastActivityMs, openWebsockets: 1 }
          edge.report({ routes: [route], credentials: [] })
          await waitFor('the request to be known', async () => {
            const record = await replica.hub.findServer('alice', '')
            return record?.lastActivityMs === lastActivityMs
          })
          const looked = (await replica.hub.findServer('alice', ''))?.idleReport
          await waitFor(
            'another look',
            async () => (await replica.hub.findServer('alice', ''))?.idleReport !== looked,
          )
          assert.equal(await lastUse(), ready)
          edge.report({ routes: [{ ...route, lastMessageMs: Date.now() }], credentials: [] })
          await waitFor('the message to count', async () => (await lastUse()) > ready)
        },
        withIdle({ afterMs: 60_000 }),
      ))

    test('a clock that is set forward a day is no day without use', async () => {
      let setMs = 0
      const clock = { ...systemClock, now: () => systemClock.now() + setMs }
      await withHubSite(
        kind,
        async (_site, replica) => {
          const alice = await createClient(replica, 'alice')
          await alice.request('POST', start)
          const readReport = async () =>
            parseIdleReport((await replica.hub.findServer('alice', ''))?.idleReport ?? null)
          await waitFor('a look', readReport)
          setMs = 24 * 3_600_000
          const setAtMs = clock.now()
          const report = await waitFor('looks after that', async () => {
            const found = await readReport()
            return found !== undefined && found.atMs > setAtMs + 200 ? found : undefined
          })
          assert.ok(report.lastUseMs >= setAtMs)
          assert.equal(report.signs[0]?.text, 'The clock of the machine was set.')
          const { state, idle } = await readDetails(alice)
          assert.deepEqual([state, idle.warned], ['running', false])
        },
        { ...withIdle({ afterMs: 60_000, warningMs: 50 }), clock },
      )
    })

    test('is off where the settings say so, and still tells what a server is used for', () =>
      withHubSite(
        kind,
        async (_site, replica) => {
          const alice = await createClient(replica, 'alice')
          await alice.request('POST', start)
          const idle = await waitFor('a look', async () => (await readDetails(alice)).idle)
          assert.deepEqual([idle.warned, idle.timeoutMs, idle.stopsAtMs], [false, undefined, undefined])
          assert.equal(withoutTimes(idle).reasons[0], 'It was started.')
        },
        withIdle({ stop: false, afterMs: 1 }),
      ))

    test('a server that does not tell of its kernels is not stopped for that alone', () =>
      withHubSite(
        kind,
        async (_site, replica) => {
          const alice = await createClient(replica, 'alice')
          await alice.request('POST', start)
          const report = await waitFor('looks', async () => {
            const record = await replica.hub.findServer('alice', '')
            const found = parseIdleReport(record?.idleReport ?? null)
            return found !== undefined && found.atMs > found.answeredAtMs ? found : undefined
          })
          assert.equal(report.answered, false)
        },
        {
          ...withIdle({ afterMs: 60_000 }),
          // Listens, and answers everything with a text that is no list.
          servers: { command: ['serve', '{port:http}', 'hello'] },
        },
      ))
  })
}
