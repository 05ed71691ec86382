import assert from 'node:assert/strict'

import type { Tunnel } from '#edge/edge.ts'
import { waitFor } from '#platform/wait-for.ts'
import { emptyState, getUpstream, type RegisterCase } from './conformance-site.ts'
import { connectTls } from './tls-peer.ts'

/** TLS that is passed on unread. */
export function registerTunnelCases(conformant: RegisterCase): void {
  conformant(
    'TLS goes to whom it asks for, and keeps what it says',
    async ({ edge, startTls, startUpstream }) => {
      const [one, two, hub] = [await startTls('one'), await startTls('two'), await startUpstream('hub')]
      await edge.replace({
        ...emptyState,
        controlPlanes: [hub.target],
        tunnels: [buildTunnel('one', one.target), buildTunnel('two', two.target)],
      })
      for (const name of ['one', 'two']) {
        const peer = await connectTls(edge.publicUrl, name)
        assert.equal(peer.commonName, name, 'the certificate is its own')
        assert.equal(await peer.echo('hello'), 'hello')
        peer.socket.destroy()
      }
      const shouting = await connectTls(edge.publicUrl, 'ONE')
      assert.equal(shouting.commonName, 'one')
      shouting.socket.destroy()
      assert.equal(await getUpstream(edge, '/hub/'), 'hub', 'HTTP has the same port')
      await waitFor('all to be closed', () => one.sockets.size + two.sockets.size === 0)
    },
  )

  conformant('a tunnel is live when its push resolves, and gone with it', async ({ edge, startTls }) => {
    const { target, sockets } = await startTls('one')
    await edge.replace(emptyState)
    await assert.rejects(connectTls(edge.publicUrl, 'one'))
    await edge.apply([{ type: 'tunnel-put', tunnel: buildTunnel('one', target) }])
    const peer = await connectTls(edge.publicUrl, 'one')
    await edge.apply([{ type: 'tunnel-delete', serverName: 'one' }])
    await peer.closed
    await waitFor('the other end', () => sockets.size === 0)
    await assert.rejects(connectTls(edge.publicUrl, 'one'))
  })

  conformant('a new target cuts what runs to the old one, new data does not', async ({ edge, startTls }) => {
    const [first, second] = [await startTls('first'), await startTls('second')]
    const tunnel = buildTunnel('one', first.target)
    await edge.replace({ ...emptyState, tunnels: [tunnel, buildTunnel('other', first.target)] })
    const peer = await connectTls(edge.publicUrl, 'one')
    const other = await connectTls(edge.publicUrl, 'other')
    await edge.apply([{ type: 'tunnel-put', tunnel: { ...tunnel, data: { other: 'data' } } }])
    assert.equal(await peer.echo('still here'), 'still here')
    await edge.apply([{ type: 'tunnel-put', tunnel: buildTunnel('one', second.target) }])
    await peer.closed
    assert.equal((await connectTls(edge.publicUrl, 'one')).commonName, 'second')
    assert.equal(await other.echo('still here'), 'still here')
    await edge.replace({ ...emptyState, tunnels: [buildTunnel('one', second.target)] })
    await other.closed
  })

  conformant('who is behind a tunnel and has gone answers nobody', async ({ edge, startTls }) => {
    const upstream = await startTls('one')
    await edge.replace({ ...emptyState, tunnels: [buildTunnel('one', upstream.target)] })
    const peer = await connectTls(edge.publicUrl, 'one')
    await upstream.kill()
    await peer.closed
    await assert.rejects(connectTls(edge.publicUrl, 'one'))
  })
}

function buildTunnel(serverName: string, target: string): Tunnel {
  return { serverName, target, data: {} }
}
