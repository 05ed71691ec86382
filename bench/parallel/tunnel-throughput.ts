import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { makeCertificate } from '@atrium/server/edge/conformance/tls-peer.ts'

import { ensureTestEnvironment } from '../../test/support/python-environment.ts'
import { startBenchEdge } from '../edge/bench-edge-process.ts'
import { readCpuUs, startProcess, stopProcess } from '../edge/bench-process.ts'
import type { Measurement } from '../measurement.ts'

const script = join(import.meta.dirname, 'tunnel-peer.py')
const cluster = '0123456789abcdef0123456789abcdef'
const serverName = `daskgateway-${cluster}`
/** What moves in one measured step: 512 MB in messages of 8 MB, so that starting up and ending do not count. */
const messages = 64
const messageBytes = 8_000_000
const megabytes = (messages * messageBytes) / 1e6
const ways = { up: 'data to a scheduler', down: 'data from a scheduler' } as const

type Way = keyof typeof ways

/** A program that says what it did, line by line. */
interface Peer {
  child: ChildProcess
  /** The next line. Throws when the program has ended. */
  next(): Promise<string>
}

/**
 * Throughput of Dask's own connections through the edge's tunnel, beside the same two programs connected directly: `distributed` listens,
 * dask-gateway's connector connects, TLS with certificates on both sides. Both are warm, stand at the same time, and take turns in every
 * round. Answers a row for each direction, and the edge's own processor time.
 */
export async function benchTunnel({ rounds }: { rounds: number }): Promise<readonly Measurement[]> {
  const prefix = await ensureTestEnvironment()
  const folder = mkdtempSync(join(tmpdir(), 'atrium-bench-tunnel-'))
  const pair = makeCertificate(serverName)
  const files = [join(folder, 'crt'), join(folder, 'key')]
  for (const [index, bytes] of [pair.cert, pair.key].entries()) {
    writeFileSync(files[index] as string, bytes, { mode: 0o600 })
  }
  const { edge, close } = await startBenchEdge()
  const peers: Peer[] = []
  const start = async (...args: string[]) => {
    const peer = startPeer(join(prefix, 'bin', 'python'), args)
    peers.push(peer)
    return { peer, line: await peer.next() }
  }
  try {
    const server = await start('serve', ...files)
    const { address } = JSON.parse(server.line) as { address: string }
    await edge.replace({
      routes: [],
      tunnels: [{ serverName, target: address.replace('tls:', 'tcp:'), data: {} }],
      credentials: [],
      controlPlanes: [],
    })
    const tunnelled = `gateway://${new URL(edge.publicUrl).host}/${cluster}`
    const size = [String(messages), String(messageBytes)]
    const { peer } = await start('load', ...files, address, ...size)
    const { peer: ours } = await start('load', ...files, tunnelled, ...size)
    return await measure({ ours, peer, edgePid: (await edge.status()).pid, rounds })
  } finally {
    for (const { child } of peers) await stopProcess(child)
    await close()
    rmSync(folder, { recursive: true })
  }
}

async function measure({
  ours,
  peer,
  edgePid,
  rounds,
}: {
  ours: Peer
  peer: Peer
  edgePid: number
  rounds: number
}): Promise<readonly Measurement[]> {
  const figures = { up: { ours: [], peer: [] }, down: { ours: [], peer: [] } } as Record<
    Way,
    Record<'ours' | 'peer', number[]>
  >
  const cpu: number[] = []
  for (const one of [ours, peer]) for (const way of ['up', 'down'] as const) await move(one, way)
  for (let round = 1; round <= rounds; round += 1) {
    for (const way of ['up', 'down'] as const) {
      figures[way].peer.push(await move(peer, way))
      const before = readCpuUs(edgePid)
      figures[way].ours.push(await move(ours, way))
      cpu.push((readCpuUs(edgePid) - before) / megabytes)
    }
  }
  const rows = (['up', 'down'] as const).map((way) => ({
    name: `${ways[way]}, through the edge`,
    unit: 'MB/s' as const,
    better: 'higher' as const,
    ...figures[way],
    peerName: 'direct connection',
    aim: 0.8,
  }))
  const cost = { name: 'processor time of the edge for 1 MB of it', unit: 'us', better: 'lower' } as const
  return [...rows, { ...cost, ours: cpu, peer: [], peerName: '' }]
}

/** MB/s of one way. */
async function move({ child, next }: Peer, way: Way): Promise<number> {
  child.stdin?.write(`${way}\n`)
  const { seconds } = JSON.parse(await next()) as { seconds: number }
  return megabytes / seconds
}

function startPeer(python: string, args: readonly string[]): Peer {
  const child = startProcess(python, [script, ...args])
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()
  return {
    child,
    async next() {
      const { value, done } = await lines.next()
      if (done) throw new Error(`${script} ${args[0]} has ended`)
      return value
    },
  }
}
