import { findMissing } from '../../test/slurm/requirements.ts'
import { ensureTestEnvironment } from '../../test/support/python-environment.ts'
import type { Measurement } from '../measurement.ts'
import { startBenchCluster } from '../slurm/cluster-under-test.ts'
import { startAtriumGateway } from './atrium-gateway.ts'
import { measureBareDask } from './bare-dask.ts'
import { daskGatewayName, startDaskGatewayServer } from './dask-gateway-server.ts'
import { createFigureBook, type FigureBook, type Row } from './figure-book.ts'
import type { GatewayOptions, StartGateway } from './gateway-under-test.ts'
import { measureClusters, measures } from './measures.ts'

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
    await measurePlace(book, 'local', { prefix })
    if (missing !== undefined) continue
    const cluster = await startBenchCluster()
    try {
      await measurePlace(book, 'Slurm', { prefix, cluster })
    } finally {
      await cluster.stop()
    }
  }
  const places = missing === undefined ? ['local', 'Slurm'] : ['local']
  return [
    ...bareRows.map((row) => ({ ...book.read('local', row), peerName: '' })),
    ...places.flatMap((place) =>
      rows.map((row) => ({ ...book.read(place, row), peerName: daskGatewayName })),
    ),
  ].map((row) => ({ ...row, unit: 's', better: 'lower' }))
}

async function measurePlace(book: FigureBook, place: string, options: GatewayOptions): Promise<void> {
  for (const who of ['peer', 'ours'] as const) {
    for (const measure of measures) {
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
}
