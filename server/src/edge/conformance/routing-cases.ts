import assert from 'node:assert/strict'

import { waitFor } from '#platform/wait-for.ts'
import {
  buildCredential,
  buildServerRoute,
  buildServiceRoute,
  emptyState,
  get,
  getUpstream,
  type RegisterCase,
} from './conformance-site.ts'

const token = 'token-of-admin'
const credentials = [buildCredential(token, '*')]

/** Where requests go. */
export function registerRoutingCases(conformant: RegisterCase): void {
  conformant('a route is live when its push resolves', async ({ edge, startUpstream }) => {
    const { target } = await startUpstream('alice')
    await edge.replace({ ...emptyState, credentials })
    assert.equal((await get(edge, '/user/alice/', token)).status, 424)
    await edge.apply([{ type: 'route-put', route: buildServerRoute('alice', target) }])
    assert.equal(await getUpstream(edge, '/user/alice/', token), 'alice')
    await edge.apply([{ type: 'route-delete', prefix: '/user/alice/' }])
    assert.equal((await get(edge, '/user/alice/', token)).status, 424)
  })

  conformant('the longest prefix wins, in whole segments', async ({ edge, startUpstream }) => {
    const home = await startUpstream('home')
    const gpu = await startUpstream('gpu')
    const routes = [buildServerRoute('alice', home.target), buildServerRoute('alice/gpu', gpu.target)]
    await edge.replace({ ...emptyState, credentials, routes })
    assert.equal(await getUpstream(edge, '/user/alice/gpu/lab', token), 'gpu')
    assert.equal(await getUpstream(edge, '/user/alice/gpu', token), 'gpu')
    assert.equal(await getUpstream(edge, '/user/alice/gpus/lab', token), 'home')
    assert.equal(await getUpstream(edge, '/user/alice', token), 'home')
    assert.equal((await get(edge, '/user/alicegpu/', token)).status, 424)
  })

  conformant(
    'a prefix is compared decoded, and the path goes on as it came',
    async ({ edge, startUpstream }) => {
      const { target, seen } = await startUpstream('renée')
      await edge.replace({ ...emptyState, credentials, routes: [buildServerRoute('renée m@x', target)] })
      const path = '/user/ren%C3%A9e%20m%40x/a%2Fb%20c?q=%2F&x'
      assert.equal(await getUpstream(edge, path, token), 'renée')
      assert.equal(seen[0]?.target, path)
    },
  )

  conformant('what no route holds goes to the control plane', async ({ edge, startUpstream }) => {
    const hub = await startUpstream('hub')
    const alice = await startUpstream('alice')
    await edge.replace({
      ...emptyState,
      credentials,
      routes: [buildServerRoute('alice', alice.target)],
      controlPlanes: [hub.target],
    })
    for (const path of ['/', '/hub/home', '/api/status', '/services/none/x', '/user/', '/User/alice/']) {
      assert.equal(await getUpstream(edge, path), 'hub', path)
    }
  })

  conformant(
    'replicas of the control plane take turns, and a dead one is left out',
    async ({ edge, startUpstream }) => {
      const first = await startUpstream('first')
      const second = await startUpstream('second')
      await edge.replace({ ...emptyState, controlPlanes: [first.target, second.target] })
      const answers = new Set<string>()
      await waitFor('both to answer', async () => answers.add(await getUpstream(edge, '/hub/')).size === 2)
      await first.kill()
      for (let index = 0; index < 6; index += 1) assert.equal(await getUpstream(edge, '/hub/'), 'second')
    },
  )

  conformant('a new state forgets what is not in it', async ({ edge, startUpstream }) => {
    const { target } = await startUpstream('any')
    const routes = [buildServerRoute('alice', target), buildServiceRoute('stats', target)]
    await edge.replace({ ...emptyState, credentials, routes, controlPlanes: [target] })
    await edge.replace({
      ...emptyState,
      routes: [buildServiceRoute('stats', target)],
      controlPlanes: [target],
    })
    assert.equal((await get(edge, '/user/alice/', token)).status, 403)
    assert.equal(await getUpstream(edge, '/services/stats/'), 'any')
  })
}
