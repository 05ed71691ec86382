import { findMissing } from '../../test/slurm/requirements.ts'
import { openWarmDoor } from '../../test/slurm/warm-doors.ts'
import { ensureTestEnvironment } from '../../test/support/python-environment.ts'
import type { Measurement } from '../measurement.ts'
import { startBenchCluster } from '../slurm/cluster-under-test.ts'
import { startAtriumGateway } from './atrium-gateway.ts'
import { measureBareDask } from './bare-dask.ts'
import { daskGatewayName, startDaskGatewayServer } from './dask-gateway-server.ts'
import { createFigureBook, type FigureBook, type Row } from './figure-book.ts'
import type { GatewayOptions, StartGateway } from './gateway-under-test.ts'
import { type Measure, measureClusters, measures } from './measures.ts'

const starters: Readonly<Record<'ours' | 'peer', StartGateway>> = {
  peer: startDaskGatewayServer,
  ours: startAtriumGateway,
}
/** Rows of each place where clusters run. */
const rows: readonly Row[] = [
  { figure: 'usable', measure: 'one', name: 'new cluster usable', aim: 2 },
  { figure: 'workers2', measure: 'one', name: '2 workers connected' },
  { figure: 'gone', measure: 'one', name: 'cluster with 2 workers gone' },
  { figure: 'workers20', measure: 'workers', name: '20 workers connected' },
  { figure: 'gone20', measure: 'workers', name: 'cluster with 20 workers gone' },
  { figure: 'adapt', measure: 'adapt', name: 'adapting: work to its worker' },
  { figure: 'many', measure: 'many', name: '20 clusters at once usable', aim: 5 },
  { figure: 'manyGone', measure: 'many', name: '20 clusters gone' },
]
/** Of ours where nodes have no warm doors; the peer's are those of the other rows. */
const coldRows = rows.filter(({ figure }) => figure === 'usable' || figure === 'many')
const coldMeasures: readonly Measure[] = ['one', 'many']
const [slurm, slurmCold] = ['Slurm', 'Slurm, no warm doors'] as const
const bareRows: readonly Row[] = [
  { figure: 'bareScheduler', measure: 'bare', name: 'bare `dask scheduler` listening' },
  { figure: 'bareWorker', measure: 'bare', name: 'bare `dask worker` connected' },
]

/** Clusters of ours and of dask-gateway-server in turn, on this machine and on a fresh Slurm cluster. A measure that fails leaves its rows empty, with the reason. */
export async function benchParallel({ rounds }: { rounds: number }): Promise<readonly Measurement[]> {
  const prefix = await ensureTestEnvironment()
  const book = createFigureBook()
  const missing = findMissing()
  if (missing !== undefined) console.error(`without Slurm: ${missing}`)
  for (let round = 1; round <= rounds; round++) {
    console.error(`parallel, round ${round} of ${rounds}`)
    await book.write('ours', 'local', 'bare', () => measureBareDask(prefix))
    for (const who of ['peer', 'ours'] as const) await measurePlace(book, who, 'local', { prefix })
    if (missing === undefined) await measureSlurm(book, prefix)
  }
  return [
    ...bareRows.map((row) => ({ ...book.read('local', row), peerName: '' })),
    ...rows.map((row) => ({ ...book.read('local', row), peerName: daskGatewayName })),
    ...(missing === undefined ? readSlurm(book) : []),
  ].map((row) => ({ ...row, unit: 's', better: 'lower' }))
}

/** The peer, ours on nodes as they are, and ours on nodes as docs/slurm.md has them: with warm doors, which the peer knows nothing of. */
async function measureSlurm(book: FigureBook, prefix: string): Promise<void> {
  const cluster = await startBenchCluster()
  try {
    await measurePlace(book, 'peer', slurm, { prefix, cluster })
    await measurePlace(book, 'ours', slurmCold, { prefix, cluster }, coldMeasures)
    const doors = cluster.nodes.flatMap(({ name, kind }) =>
      kind === 'static' ? [openWarmDoor(cluster, name, { prefix })] : [],
    )
    await Promise.all(doors.map((door) => door.start()))
    await measurePlace(book, 'ours', slurm, { prefix, cluster })
  } finally {
    await cluster.stop()
  }
}

function readSlurm(book: FigureBook) {
  const cold = coldRows.map((row) => {
    const { aim: _, ...shown } = row
    const { peerFailed: __, ...ours } = book.read(slurmCold, shown)
    const { peer, peerFailed } = book.read(slurm, row)
    return { ...ours, peer, ...(peerFailed === undefined ? {} : { peerFailed }) }
  })
  return [...rows.map((row) => book.read(slurm, row)), ...cold].map((row) => ({
    ...row,
    peerName: daskGatewayName,
  }))
}

async function measurePlace(
  book: FigureBook,
  who: keyof typeof starters,
  place: string,
  options: GatewayOptions,
  which: readonly Measure[] = measures,
): Promise<void> {
  for (const measure of which) {
    // Each on a gateway of its own: what a broken one leaves behind goes with it.
    await book.write(who, place, measure, async () => {
      const gateway = await starters[who](options)
      try {
        return await measureClusters(gateway, measure, options.prefix)
      } finally {
        await gateway.stop()
      }
    })
  }
}
