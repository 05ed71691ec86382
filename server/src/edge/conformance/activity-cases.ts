import assert from 'node:assert/strict'

import type { EdgeReport, TargetFailure } from '#edge/edge.ts'
import { waitFor } from '#platform/wait-for.ts'
import {
  buildCredential,
  buildServerRoute,
  emptyState,
  get,
  hashOf,
  type RegisterCase,
} from './conformance-site.ts'
import { openWebsocket } from './websocket-peer.ts'

/** What an edge tells of by itself. */
export function registerActivityCases(conformant: RegisterCase): void {
  conformant('reports the use of routes and credentials', async ({ edge, startUpstream }) => {
    const { target } = await startUpstream('alice')
    const routes = [buildServerRoute('alice', target), buildServerRoute('bob', target)]
    await edge.replace({
      ...emptyState,
      routes,
      credentials: [buildCredential('used', '*'), buildCredential('unused', '*')],
    })
    const reports: EdgeReport[] = []
    edge.onReport((report) => reports.push(report))
    const beforeMs = Date.now()
    await get(edge, '/user/alice/', 'used')
    await waitFor('a report', () => reports.length > 0)
    const [route, ...otherRoutes] = reports.flatMap((report) => report.routes)
    assert.equal(route?.prefix, '/user/alice/')
    assert.ok(route.lastActivityMs >= beforeMs && route.lastActivityMs <= Date.now())
    assert.deepEqual(otherRoutes, [])
    assert.deepEqual(
      reports.flatMap((report) => report.credentials.map(({ hash }) => hash)),
      [hashOf('used')],
    )
  })

  conformant('counts open websockets', async ({ edge, startUpstream }) => {
    const { target } = await startUpstream('alice')
    await edge.replace({
      ...emptyState,
      routes: [buildServerRoute('alice', target)],
      credentials: [buildCredential('secret', '*')],
    })
    let open: number | undefined
    edge.onReport(({ routes }) => {
      open = routes.at(-1)?.openWebsockets ?? open
    })
    const first = await openWebsocket(edge.publicUrl, '/user/alice/ws?token=secret')
    const second = await openWebsocket(edge.publicUrl, '/user/alice/ws?token=secret')
    await waitFor('two', () => open === 2)
    first.close()
    await waitFor('one', () => open === 1)
    second.close()
    await waitFor('none', () => open === 0)
  })

  conformant(
    'tells when a client sent a websocket message, which pings and answers are not',
    async ({ edge, startUpstream }) => {
      const { target } = await startUpstream('alice')
      await edge.replace({
        ...emptyState,
        routes: [buildServerRoute('alice', target)],
        credentials: [buildCredential('secret', '*')],
      })
      const messages: (number | undefined)[] = []
      edge.onReport(({ routes }) => messages.push(...routes.map(({ lastMessageMs }) => lastMessageMs)))
      const peer = await openWebsocket(edge.publicUrl, '/user/alice/ws?token=secret')
      peer.send({ opcode: 9, payload: Buffer.from('ping'), isFinal: true })
      await peer.nextFrame()
      await waitFor('a report', () => messages.length > 0)
      assert.equal(messages.at(-1), undefined)
      const beforeMs = Date.now()
      peer.sendText('used')
      const sentMs = await waitFor('the message', () => messages.at(-1))
      assert.ok(sentMs >= beforeMs && sentMs <= Date.now())
      peer.close()
    },
  )

  conformant('tells of a target that refuses connections', async ({ edge, startUpstream }) => {
    const upstream = await startUpstream('alice')
    const { target } = upstream
    await edge.replace({
      ...emptyState,
      routes: [buildServerRoute('alice', target)],
      credentials: [buildCredential('secret', '*')],
    })
    await upstream.kill()
    const failures: TargetFailure[] = []
    edge.onTargetFailed((failure) => failures.push(failure))
    assert.equal((await get(edge, '/user/alice/', 'secret')).status, 503)
    await waitFor('the failure', () => failures.length > 0)
    assert.deepEqual(failures, [{ prefix: '/user/alice/', target }])
  })
}
