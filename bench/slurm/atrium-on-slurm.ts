import type { SlurmCluster } from '../../test/slurm/cluster.ts'
import { type PlatformSite, startPlatformSite } from '../../test/slurm/platform-site.ts'
import type { HubOnCluster, HubOnClusterOptions } from '../hub/hub-on-cluster.ts'
import { ensureBatchspawner } from './batchspawner.ts'

/** Atrium as docs/slurm.md has it: an account without rights, the helper by sudo. */
export async function startAtriumOnSlurm(
  cluster: SlurmCluster,
  { serverCommand }: HubOnClusterOptions,
): Promise<HubOnCluster> {
  // The same JupyterLab for both: what another environment has more of would be measured, too.
  process.env['ATRIUM_TEST_ENVIRONMENT'] = ensureBatchspawner()
  const site: PlatformSite = await startPlatformSite(cluster, {
    servers: { named: 100, ...(serverCommand === undefined ? {} : { command: serverCommand }) },
    profiles: [{ name: 'default', memory: '200M' }],
    log: { level: 'warn' },
  })
  const { platform } = site
  return {
    name: 'Atrium',
    url: platform.url,
    adminToken: await platform.adminToken(),
    kill: () => platform.kill(),
    startAgain: () => platform.startAgain(),
    stop: () => site.dispose(),
  }
}
