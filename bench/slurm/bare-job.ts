import { setTimeout as sleep } from 'node:timers/promises'

import type { SlurmCluster } from '../../test/slurm/cluster.ts'
import { untilQuiet } from '../processes.ts'

const port = 18_777

/** From sbatch of the trivial server alone to its first answer, ms: what Slurm and the server take by themselves. */
export async function measureBareJob(cluster: SlurmCluster, command: readonly string[]): Promise<number> {
  await untilQuiet()
  const started = performance.now()
  const url = `http://0.0.0.0:${port}`
  const { stdout } = await cluster.as('alice', 'sbatch', [
    ...['--parsable', '--output=/dev/null', '--mem=200M', '--nodelist=n1'],
    `--wrap=JUPYTERHUB_SERVICE_URL=${url} exec ${command.join(' ')}`,
  ])
  const host = cluster.nodes.find(({ name }) => name === 'n1')?.address
  while (!(await answers(`http://${host}:${port}/`))) await sleep(5)
  const elapsedMs = performance.now() - started
  await cluster.as('alice', 'scancel', [stdout.trim()])
  while (await answers(`http://${host}:${port}/`)) await sleep(50)
  return elapsedMs
}

async function answers(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(1000) }).then(
    (response) => response.ok,
    () => false,
  )
}
