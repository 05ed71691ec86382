import type { JobKey } from '#scheduler/job.ts'
import type { SlurmSchedulerConfig } from './slurm-config.ts'

type LauncherConfig = Pick<
  SlurmSchedulerConfig,
  'python' | 'nodePackage' | 'hubUrl' | 'hubUid' | 'hubCertificates' | 'mungeSocket'
>

/**
 * What the batch script runs: the launcher, which fetches what is to be run. Slurm keeps it and operators can read it, so nothing of a
 * user's and nothing secret is in it: paths and addresses from the configuration, and keys. An array's task takes the key of its index.
 */
export function buildLauncherCommand(config: LauncherConfig, keys: readonly JobKey[]): readonly string[] {
  return [
    ...[config.python, '-I', '-S', config.nodePackage, 'slurm_job', '--url', config.hubUrl],
    ...['--hub-uid', String(config.hubUid)],
    ...(config.hubCertificates === undefined ? [] : ['--ca', config.hubCertificates]),
    ...(config.mungeSocket === undefined ? [] : ['--munge-socket', config.mungeSocket]),
    ...keys,
  ]
}
