import { join } from 'node:path'

import type { Measurement } from '../measurement.ts'
import { startAtrium } from './atrium.ts'
import { collectFigures, type Figures } from './figures.ts'
import type { HubUnderTest, StartHub } from './hub-under-test.ts'
import { jupyterhubVersion, startJupyterHub } from './jupyterhub.ts'
import { measureApi, measureLab, measureManyStarts } from './measures.ts'
import { measureReadoption, readoptionRow } from './readoption.ts'

const trivialServer = [
  '/usr/bin/python3',
  '-I',
  '-S',
  join(import.meta.dirname, '..', '..', 'test', 'support', 'trivial-server.py'),
] as const

/** What each row is in, and what DESIGN aims at. Rows come in this order. */
const rows: readonly Pick<Measurement, 'name' | 'unit' | 'better' | 'aim'>[] = [
  { name: 'start-up to the first answer', unit: 'ms', better: 'lower', aim: 5 },
  { name: 'RSS idle, all processes', unit: 'MB', better: 'lower', aim: 2 },
  { name: 'RSS with 1000 users', unit: 'MB', better: 'lower', aim: 2 },
  { name: 'PSS idle, all processes', unit: 'MB', better: 'lower', aim: 2 },
  { name: 'PSS with 1000 users', unit: 'MB', better: 'lower', aim: 2 },
  { name: 'GET /hub/api/user, c=32', unit: 'req/s', better: 'higher', aim: 20 },
  { name: 'list all 1000 users', unit: 'ms', better: 'lower', aim: 20 },
  { name: 'create 1000 users, one by one', unit: 's', better: 'lower', aim: 10 },
  { name: 'sign in by password', unit: 'ms', better: 'lower' },
  { name: '200 parallel GETs, p99', unit: 'ms', better: 'lower' },
  { name: 'real JupyterLab ready, first start', unit: 'ms', better: 'lower', aim: 10 },
  { name: 'real JupyterLab ready, next start', unit: 'ms', better: 'lower', aim: 10 },
  { name: '100 trivial servers at once', unit: 's', better: 'lower', aim: 5 },
]

/** The hub's figures, JupyterHub's and ours in turn, each round on a fresh installation. */
export async function benchHub({ rounds }: { rounds: number }): Promise<readonly Measurement[]> {
  const ours: Figures[] = []
  const peer: Figures[] = []
  const readoptions: number[] = []
  for (let round = 1; round <= rounds; round++) {
    console.error(`hub, round ${round} of ${rounds}`)
    peer.push(await measureHub(startJupyterHub))
    ours.push(await measureHub(startAtrium))
    readoptions.push(...Object.values(await measureReadoption(trivialServer)))
  }
  const besidePeer = rows.map((row) => ({
    ...row,
    ours: collectFigures(ours, row.name),
    peer: collectFigures(peer, row.name),
    peerName: `JupyterHub ${jupyterhubVersion}`,
  }))
  return [
    ...besidePeer,
    { name: readoptionRow, unit: 's', better: 'lower', ours: readoptions, peer: [], peerName: '' },
  ]
}

async function measureHub(start: StartHub): Promise<Figures> {
  const api = await withHub(
    () => start(),
    async (hub) => ({ ...(await measureApi(hub)), ...(await measureLab(hub)) }),
  )
  const many = await withHub(() => start({ serverCommand: trivialServer }), measureManyStarts)
  return { ...api, ...many }
}

async function withHub(
  start: () => Promise<HubUnderTest>,
  measure: (hub: HubUnderTest) => Promise<Figures>,
): Promise<Figures> {
  const hub = await start()
  try {
    return await measure(hub)
  } finally {
    await hub.stop()
  }
}
