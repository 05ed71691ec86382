import { readFileSync } from 'node:fs'

import { openSlurmCluster, type SlurmCluster } from './cluster.ts'
import { findMissing } from './requirements.ts'

const descriptionFile = process.env['ATRIUM_TEST_SLURM']

/** Why tests that need Slurm are skipped here; false when they run. For the `skip` of a test or suite. */
export const slurmSkipReason: string | false =
  descriptionFile !== undefined && descriptionFile !== ''
    ? false
    : (findMissing() ??
      'no Slurm cluster: run it by `npm test`, or start one by `node test/slurm/command.ts up`')

/** The cluster that the test run shares. Leave it as it was found: daemons running, hosts on, no jobs of yours. */
export function openSharedSlurmCluster(): SlurmCluster {
  if (descriptionFile === undefined) throw new Error('ATRIUM_TEST_SLURM is not set')
  return openSlurmCluster(JSON.parse(readFileSync(descriptionFile, 'utf8')))
}
