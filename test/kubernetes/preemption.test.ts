import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'

import type { NodeList } from '@atrium/contract/nodes-api.ts'
import type { ServerDetails } from '@atrium/contract/servers.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { createPerson, startServer } from '../real-parts/people.ts'
import type { KubernetesCluster } from './cluster.ts'
import { evictPod } from './evict.ts'
import { type PlatformSite, startPlatformSite } from './platform-site.ts'
import { kubernetesSkipReason, openSharedKubernetesCluster } from './shared-cluster.ts'

const deadlineMs = 180_000

describe('a platform with spot nodes on Kubernetes', { skip: kubernetesSkipReason }, () => {
  let cluster: KubernetesCluster
  let site: PlatformSite

  before(async () => {
    cluster = openSharedKubernetesCluster()
    const nodeSelector = { 'kubernetes.io/hostname': cluster.node.name }
    site = await startPlatformSite(cluster, {
      kubernetes: {
        nodePools: [{ name: 'cheap', nodeSelector, nodes: 1, spot: true }],
        prePull: { enabled: true },
      },
      profiles: [
        { name: 'spot', cpu: 0.5, memory: '600M', nodePool: 'cheap', preemptible: true, default: true },
      ],
      servers: { idle: { stop: false } },
    })
    await createPerson(site.platform, 'alice')
  })
  after(() => site?.dispose())

  const findServer = async () =>
    (await site.platform.api<ServerDetails>('GET', '/api/v1/servers/alice/-')).body

  test('starts a server again whose node was emptied, and tells', async () => {
    await startServer(site.platform, 'alice')
    const before = await findServer()
    await evictPod(cluster, site.namespace, `atrium-${before.jobKey}-1`)
    const again = await waitFor(
      'the server to run again',
      async () => {
        const seen = await findServer()
        return seen.restarts?.count === 1 && seen.state === 'running' ? seen : undefined
      },
      { deadlineMs },
    )
    assert.deepEqual([again.jobKey, again.restarts?.reason], [before.jobKey, 'preempted'])
    assert.match(again.restarts?.message ?? '', /^Its node was emptied/)
    assert.match(await site.kubectl('get', 'pods', '--output=name'), new RegExp(`atrium-${before.jobKey}-2`))
  })

  test('shows its pools, and how far its images are on the nodes', async () => {
    const { body } = await site.platform.api<NodeList>('GET', '/api/v1/nodes')
    const cheap = body.pools.find(({ name }) => name === 'cheap')
    assert.deepEqual(cheap, { name: 'cheap', canGrowBy: 0, nodes: 1, maximum: 1, spot: true })
    await waitFor(
      'the images to be there',
      async () => {
        const { notes } = (await site.platform.api<NodeList>('GET', '/api/v1/nodes')).body
        return notes.some((note) => /nodes have the images of jobs/.test(note))
      },
      { deadlineMs },
    )
  })
})
