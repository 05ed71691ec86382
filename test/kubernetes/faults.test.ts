import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import { waitFor } from '@atrium/server/platform/wait-for.ts'
import { crashPoints } from '@atrium/server/scheduler/reconcile/crash-points.ts'

import { findServerModel, requestServer } from '../support/servers.ts'
import type { KubernetesCluster } from './cluster.ts'
import { type PlatformSite, startPlatformSite } from './platform-site.ts'
import { kubernetesSkipReason, openSharedKubernetesCluster } from './shared-cluster.ts'

const outageMs = 60_000
const patience = { deadlineMs: 120_000, everyMs: 100 }
/** Points that a stop passes; the others belong to a start. */
const stopPoints = new Set<string>(['before-cancel', 'after-cancel', 'before-store-end', 'after-store-end'])

interface Pod {
  metadata: { name: string; labels: Record<string, string> }
  status: { phase: string }
}

/** A server that costs nothing, for pods that do not have our files. */
const source = readFileSync(join(import.meta.dirname, '..', 'support', 'trivial-server.py'), 'utf8')
const config = {
  servers: { command: ['/usr/bin/python3', '-I', '-S', '-c', source], idle: { stop: false } },
}

describe('the platform on a Kubernetes cluster in trouble', { skip: kubernetesSkipReason }, () => {
  let cluster: KubernetesCluster
  let site: PlatformSite

  before(async () => {
    cluster = openSharedKubernetesCluster()
    site = await startPlatformSite(cluster, config)
  })
  after(() => site?.dispose())

  const list = async (kind: string) =>
    (JSON.parse(await site.kubectl('get', kind, '--output=json')) as { items: Pod[] }).items
  /** Pods of a person that have not ended. */
  const listLive = async (person: string) =>
    (await list('pods')).filter(
      ({ metadata, status }) =>
        metadata.labels['atrium.dev/owner'] === `n-${person}` &&
        !['Succeeded', 'Failed'].includes(status.phase),
    )
  const untilReady = (person: string) =>
    waitFor(
      `${person}'s server`,
      async () => (await findServerModel(site.platform, person))?.ready === true,
      patience,
    )
  const stop = async (person: string) => {
    await site.platform.api('DELETE', `/hub/api/users/${person}/server`)
    await untilStopped(person)
  }
  const untilStopped = (person: string) =>
    waitFor(
      `the end of ${person}'s server`,
      async () => {
        const server = await findServerModel(site.platform, person)
        return server?.ready !== true && server?.pending == null && (await listLive(person)).length === 0
      },
      patience,
    )

  /** By the edge: as a person who may see it. */
  const ask = async (person: string) => {
    const authorization = `Bearer ${await site.platform.adminToken()}`
    const answer = await fetch(new URL(`/user/${person}/api/status`, site.platform.url), {
      headers: { authorization },
    })
    return answer.status
  }

  test('servers answer all the time while the API server is gone for a minute, and what was asked for meanwhile comes', async (t) => {
    await requestServer(site.platform, 'alice')
    await untilReady('alice')
    const before = (await listLive('alice')).map(({ metadata }) => metadata.name)
    const usual = await ask('alice')
    assert.ok(usual < 500, `status ${usual}`)
    t.after(() => cluster.daemon('kube-apiserver').start())
    await cluster.daemon('kube-apiserver').kill()
    const end = performance.now() + outageMs
    await requestServer(site.platform, 'bob')
    while (performance.now() < end) {
      assert.equal(await ask('alice'), usual)
      await sleep(1000)
    }
    assert.notEqual((await findServerModel(site.platform, 'bob'))?.ready, true)
    await cluster.daemon('kube-apiserver').start()
    await untilReady('bob')
    await untilReady('alice')
    assert.deepEqual(
      (await listLive('alice')).map(({ metadata }) => metadata.name),
      before,
    )
    await Promise.all(['alice', 'bob'].map(stop))
  })

  for (const point of crashPoints) {
    const isStop = stopPoints.has(point)
    test(`a control plane killed at ${point}: the next one ${isStop ? 'ends the server' : 'starts the server, once'}`, async () => {
      const { platform } = site
      if (isStop) {
        await requestServer(platform, 'carol')
        await untilReady('carol')
      }
      await platform.kill()
      await platform.startAgain({ ATRIUM_TEST_CRASH_POINT: point })
      if (isStop) await platform.api('DELETE', '/hub/api/users/carol/server').catch(() => {})
      else await requestServer(platform, 'carol').catch(() => {})
      await platform.exited()
      await platform.startAgain({ ATRIUM_TEST_CRASH_POINT: '' })
      if (!isStop) {
        await untilReady('carol')
        assert.equal((await listLive('carol')).length, 1)
        await stop('carol')
      }
      await untilStopped('carol')
      const pods = new Set((await list('pods')).map(({ metadata }) => metadata.name))
      const secrets = (await list('secrets')).map(({ metadata }) => metadata.name)
      assert.deepEqual(
        secrets.filter((name) => !pods.has(name)),
        [],
      )
    })
  }
})
