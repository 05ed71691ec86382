import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { after, before, describe, test } from 'node:test'

import type { HubCreatedToken } from '@atrium/contract/hub-models.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { startServer } from '../real-parts/people.ts'
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts'
import { type ChartSite, createChartSite } from './chart-site.ts'
import { containerdSocket } from './configuration.ts'
import { platformImage } from './platform-images.ts'
import { kubernetesSkipReason, openSharedKubernetesCluster } from './shared-cluster.ts'
import { type Door, type SteadyKernel, startSteadyKernel, startSteadyLoad } from './steady-use.ts'

const minutes = 60_000
const nextTag = '2'
const ctr = ['ctr', '--address', containerdSocket, '--namespace', 'k8s.io']

interface Kind {
  about: string
  name: string
  replicas: number
  onPostgres: boolean
}

const kinds: readonly Kind[] = [
  { about: 'one control plane on SQLite', name: 'upgradeone', replicas: 1, onPostgres: false },
  { about: 'two control planes on PostgreSQL', name: 'upgradetwo', replicas: 2, onPostgres: true },
]

for (const { about, name, replicas, onPostgres } of kinds) {
  describe(`a platform in use, with ${about}`, { skip: kubernetesSkipReason }, () => {
    const cluster = kubernetesSkipReason ? undefined : openSharedKubernetesCluster()
    let site: ChartSite
    let database: TestPostgres | undefined
    let values: object
    let ada: Door
    let admin: string
    let tokenId: string
    let kernel: SteadyKernel
    const kernels: SteadyKernel[] = []
    const open = async (door: Door) => {
      const opened = await startSteadyKernel(door)
      kernels.push(opened)
      return opened
    }

    before(async () => {
      if (cluster === undefined) return
      site = await createChartSite(cluster, name)
      if (onPostgres) database = await offerDatabase(site)
      values = {
        controlPlane: { replicas },
        // Longer than the test takes: the first websocket goes on through an edge that was told to end.
        edge: { replicas: 2, drainSeconds: 1800 },
        ...(database === undefined ? {} : { database: { existingSecret: 'postgres' } }),
      }
      await site.deploy(values)
      await site.atrium('user', 'add', 'ada')
      await startServer(site, 'ada')
      const made = await site.api<HubCreatedToken>('POST', '/hub/api/users/ada/tokens', { body: {} })
      ada = { url: site.url, user: 'ada', token: made.body.token }
      tokenId = made.body.id
      admin = await createAdminToken(site)
      kernel = await open(ada)
    })
    after(async () => {
      // Edges wait for them.
      for (const opened of kernels) opened.stop()
      await site?.dispose()
      if (site !== undefined) rmSync(dirname(site.storage), { recursive: true, force: true })
      await database?.stop()
    })

    const uses = async (steady: SteadyKernel, what: string) => {
      const before = steady.cells
      await waitFor(`cells ${what}`, () => steady.cells > before + 3 || steady.isClosed, {
        deadlineMs: minutes,
      })
      assert.equal(steady.isClosed, false, `the websocket lives ${what}`)
    }

    test('an upgrade to another image loses no request, no websocket and no server', async () => {
      const [server] = await listPods(site, { of: 'jobs' })
      const former = await listPods(site, { of: 'platform' })
      await cluster?.run([...ctr, 'images', 'tag', '--force', platformImage, withTag(platformImage, nextTag)])
      const load = startSteadyLoad(ada, admin)
      await waitFor('the load', () => load.answered > 10, { deadlineMs: minutes })
      await site.deploy({ ...values, image: { tag: nextTag } })
      const upgraded = load.answered
      await waitFor('answers of the next version', () => load.answered > upgraded + 30, {
        deadlineMs: minutes,
      })
      await uses(kernel, 'after the upgrade')
      await load.stop()
      assert.deepEqual(load.failures, [])
      const ready = (await listPods(site, { of: 'platform' })).filter(({ isReady }) => isReady)
      assert.deepEqual(
        ready.filter(({ image }) => image !== withTag(platformImage, nextTag)),
        [],
      )
      assert.deepEqual(
        ready.filter(({ uid }) => former.some((pod) => pod.uid === uid)),
        [],
        'all of them are new',
      )
      assert.deepEqual(await listPods(site, { of: 'jobs' }), [server])
    })

    test('control planes that are killed are waited for', async () => {
      const load = startSteadyLoad(ada, admin)
      await waitFor('the load', () => load.answered > 10, { deadlineMs: minutes })
      await kill(site, 'control-plane')
      const killed = load.answered
      await waitFor('answers of the next ones', () => load.answered > killed + 30, {
        deadlineMs: 2 * minutes,
      })
      await load.stop()
      // Nobody knows whether what was being written was; that it is held back until somebody answers is what counts.
      const lost = load.failures.filter((failure) => !failure.startsWith('POST '))
      assert.deepEqual(lost, [])
      assert.ok(load.failures.length <= replicas, load.failures.join('\n'))
      await uses(kernel, 'after the death of control planes')
    })

    test('an edge that is killed takes with it what went through it alone, and comes back', async () => {
      const edges = await listPods(site, { of: 'platform', part: 'edge' })
      const [first, second] = edges.filter(({ isReady }) => isReady)
      assert.ok(first && second)
      const through = await Promise.all(
        [first, second].map(({ address }) => open({ ...ada, url: `http://${address}:8000` })),
      )
      const [killed, other] = through as [SteadyKernel, SteadyKernel]
      await uses(killed, 'through the first edge')
      await cluster?.run([...ctr, 'tasks', 'kill', '--signal', 'SIGKILL', first.container])
      await waitFor('the end of its websocket', () => killed.isClosed)
      await uses(other, 'through the other edge')
      await waitFor(
        'the edge to be filled again',
        async () => {
          const answer = await fetch(`http://${first.address}:8000/user/ada/api/status`, {
            headers: { authorization: `token ${ada.token}` },
          }).catch(() => undefined)
          return answer?.status === 200
        },
        { deadlineMs: minutes },
      )
    })

    test('who loses access is cut off in an edge, too, that was told to end before this control plane began', async () => {
      await uses(kernel, 'through its old edge')
      const revoked = await site.api('DELETE', `/hub/api/users/ada/tokens/${tokenId}`)
      assert.equal(revoked.status, 204)
      await waitFor('the end of the websocket', () => kernel.isClosed, { deadlineMs: minutes })
    })
  })
}

function withTag(reference: string, tag: string): string {
  return `${reference.slice(0, reference.indexOf(':'))}:${tag}`
}

/** A PostgreSQL on this machine, which the namespace of the platform knows by a Secret. */
async function offerDatabase({ cluster, namespace }: ChartSite): Promise<TestPostgres> {
  const database = await startTestPostgres({ address: cluster.controlAddress, clients: '10.79.0.0/16' })
  if (database === undefined) throw new Error('PostgreSQL is not installed: apt-get install postgresql')
  const url = new URL(database.url)
  url.hostname = cluster.controlAddress
  await cluster.apply(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'postgres', namespace },
      stringData: { url: url.href },
    },
  )
  return database
}

async function createAdminToken(site: ChartSite): Promise<string> {
  await site.atrium('user', 'add', 'grace', '--admin')
  const made = await site.api<HubCreatedToken>('POST', '/hub/api/users/grace/tokens', { body: {} })
  return made.body.token
}

interface FoundPod {
  uid: string
  image: string
  address: string
  isReady: boolean
  container: string
}

interface PodList {
  items: {
    metadata: { uid: string; deletionTimestamp?: string }
    spec: { containers: { image: string }[] }
    status: { podIP?: string; containerStatuses?: { ready: boolean; containerID?: string }[] }
  }[]
}

/** Pods of the platform, or of one part of it, or of users' jobs. */
async function listPods(
  site: ChartSite,
  { of, part }: { of: 'platform' | 'jobs'; part?: string },
): Promise<FoundPod[]> {
  const namespace = of === 'jobs' ? site.jobsNamespace : site.namespace
  const selector = part === undefined ? [] : [`--selector=app.kubernetes.io/component=${part}`]
  const text = await site.cluster.kubectl(
    'get',
    'pods',
    '--namespace',
    namespace,
    '--output=json',
    ...selector,
  )
  return (JSON.parse(text) as PodList).items.map(({ metadata, spec, status }) => {
    const [main] = status.containerStatuses ?? []
    return {
      uid: metadata.uid,
      image: spec.containers[0]?.image ?? '',
      address: status.podIP ?? '',
      isReady: main?.ready === true && metadata.deletionTimestamp === undefined,
      container: main?.containerID?.replace('containerd://', '') ?? '',
    }
  })
}

async function kill(site: ChartSite, part: string): Promise<void> {
  for (const { container } of await listPods(site, { of: 'platform', part }))
    await site.cluster.run([...ctr, 'tasks', 'kill', '--signal', 'SIGKILL', container])
}
