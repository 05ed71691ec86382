/** The edge's figures beside other proxies', one after the other in every round. */
import { fileURLToPath } from 'node:url'

import { waitFor } from '@atrium/server/platform/wait-for.ts'

import type { Measurement } from '../measurement.ts'
import { readResidentMegabytes } from '../processes.ts'
import { startAtriumEdge } from './atrium-edge.ts'
import { readCpuUs, readLine, startProcess, stopProcess } from './bench-process.ts'
import { configurableHttpProxyName, startConfigurableHttpProxy } from './configurable-http-proxy.ts'
import type { Load, LoadResult } from './generator.ts'
import { openPath, type ProxyUnderTest, type StartProxy, userPath } from './proxy-under-test.ts'
import { findTraefik, startTraefik } from './traefik.ts'

type Figures = Readonly<Record<string, number>>
type Row = Pick<Measurement, 'name' | 'unit' | 'better'>

const ours = 'Atrium'
const rows = [
  { name: 'proxied GET, 512 B, c=64', unit: 'req/s', better: 'higher' },
  { name: 'processor time of it', unit: 'us', better: 'lower' },
  { name: 'the same with authorization', unit: 'req/s', better: 'higher' },
  { name: 'processor time of that', unit: 'us', better: 'lower' },
  { name: 'proxied GET, 1 MB, c=8', unit: 'req/s', better: 'higher' },
  { name: 'proxied POST, 1 MB, c=8', unit: 'req/s', better: 'higher' },
  { name: 'websocket round trip', unit: 'us', better: 'lower' },
  { name: 'processor time of a round trip', unit: 'us', better: 'lower' },
  { name: 'route live', unit: 'ms', better: 'lower' },
  { name: 'RSS of the proxy, idle', unit: 'MB', better: 'lower' },
] as const satisfies readonly Row[]

/** What DESIGN aims at, by row and peer. */
const aims: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  [configurableHttpProxyName]: { 'proxied GET, 512 B, c=64': 3, 'the same with authorization': 3 },
  Traefik: {
    'proxied GET, 512 B, c=64': 1.5,
    'the same with authorization': 3.5,
    'websocket round trip': 0.77,
  },
}

/** Measures our edge, configurable-http-proxy, and Traefik when its program is found (see `findTraefik`). */
export async function benchEdge({ rounds }: { rounds: number }): Promise<readonly Measurement[]> {
  const traefik = findTraefik()
  const proxies: Readonly<Record<string, StartProxy>> = {
    [ours]: startAtriumEdge,
    [configurableHttpProxyName]: startConfigurableHttpProxy,
    ...(traefik === undefined ? {} : { Traefik: (port: number) => startTraefik(traefik, port) }),
  }
  const figures: Record<string, Figures[]> = {}
  for (let round = 1; round <= rounds; round += 1) {
    console.error(`edge, round ${round} of ${rounds}`)
    for (const [name, start] of Object.entries(proxies)) {
      figures[name] = [...(figures[name] ?? []), await measureProxy(start)]
    }
  }
  return Object.keys(proxies)
    .filter((name) => name !== ours)
    .flatMap((peerName) => rows.map((row) => buildMeasurement(row, peerName, figures)))
}

function buildMeasurement(
  row: Row,
  peerName: string,
  figures: Readonly<Record<string, readonly Figures[]>>,
): Measurement {
  const collect = (name: string) => (figures[name] ?? []).map((figure) => figure[row.name] ?? Number.NaN)
  const aim = aims[peerName]?.[row.name]
  return {
    ...row,
    ours: collect(ours),
    peer: collect(peerName),
    peerName,
    ...(aim === undefined ? {} : { aim }),
  }
}

async function measureProxy(start: StartProxy): Promise<Figures> {
  const backend = startProcess(process.execPath, [fileURLToPath(import.meta.resolve('./backend.ts'))])
  const { port } = JSON.parse(await readLine(backend)) as { port: number }
  const proxy = await start(port)
  try {
    const idleMegabytes = readResidentMegabytes([proxy.pid])
    const { port: proxyPort, authorization: headers } = proxy
    const open = { port: proxyPort, path: `${openPath}small`, connections: 64, count: 60_000 }
    const small = await measureLoad(proxy, { ...open, kind: 'get' })
    const authorized = await measureLoad(proxy, { ...open, kind: 'get', path: `${userPath}small`, headers })
    const large = { ...open, connections: 8, count: 1500 }
    const down = await measureLoad(proxy, { ...large, kind: 'get', path: `${openPath}big` })
    const up = await measureLoad(proxy, { ...large, kind: 'post', bodyBytes: 1_000_000 })
    const websocket = await measureLoad(proxy, {
      ...open,
      kind: 'websocket',
      path: `${userPath}ws`,
      headers,
      connections: 1,
      count: 10_000,
    })
    return {
      'proxied GET, 512 B, c=64': small.perSecond,
      'processor time of it': small.cpuUs,
      'the same with authorization': authorized.perSecond,
      'processor time of that': authorized.cpuUs,
      'proxied GET, 1 MB, c=8': down.perSecond,
      'proxied POST, 1 MB, c=8': up.perSecond,
      'websocket round trip': 1_000_000 / websocket.perSecond,
      'processor time of a round trip': websocket.cpuUs,
      'route live': await measureRouteLive(proxy),
      'RSS of the proxy, idle': idleMegabytes,
    }
  } finally {
    await proxy.close()
    await stopProcess(backend)
  }
}

/** Round trips per second, and the proxy's processor time for each. Throws when one failed. */
async function measureLoad(proxy: ProxyUnderTest, load: Load): Promise<{ perSecond: number; cpuUs: number }> {
  const generator = startProcess(process.execPath, [
    fileURLToPath(import.meta.resolve('./generator.ts')),
    JSON.stringify(load),
  ])
  await readLine(generator)
  const before = readCpuUs(proxy.pid)
  generator.stdin?.write('go\n')
  const { durationMs, errors } = JSON.parse(await readLine(generator)) as LoadResult
  if (errors > 0) throw new Error(`${errors} of ${load.count} round trips failed: ${JSON.stringify(load)}`)
  return { perSecond: (load.count / durationMs) * 1000, cpuUs: (readCpuUs(proxy.pid) - before) / load.count }
}

/** From the wish for a route to the first answer through it: the median of twenty. */
async function measureRouteLive(proxy: ProxyUnderTest): Promise<number> {
  const times: number[] = []
  for (let index = 0; index < 20; index += 1) {
    const started = performance.now()
    await proxy.addRoute(`route-${index}`)
    await waitFor('the route', () => isAnswered(proxy.port, `/open/route-${index}/small`), { everyMs: 1 })
    times.push(performance.now() - started)
  }
  return times.toSorted((a, b) => a - b)[10] as number
}

async function isAnswered(port: number, path: string): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`)
  const text = await response.text()
  return response.status === 200 && text.length === 512
}
