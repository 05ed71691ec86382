import type { JobKey } from '#scheduler/job.ts'
import type { SlurmSchedulerConfig } from './slurm-config.ts'

type ScriptConfig = Pick<
  SlurmSchedulerConfig,
  'python' | 'nodePackage' | 'hubUrl' | 'hubCertificates' | 'mungeSocket'
>

/**
 * The batch script: starts the launcher, which fetches what is to be run. It is kept by Slurm and can be read by operators, so nothing of
 * a user's and nothing secret is in it: paths and addresses from the configuration, and keys. An array's task takes the key of its index.
 */
export function buildBatchScript(config: ScriptConfig, keys: readonly JobKey[]): string {
  const words = [
    ...[config.python, '-I', '-S', config.nodePackage, 'slurm_job', '--url', config.hubUrl],
    ...(config.hubCertificates === undefined ? [] : ['--ca', config.hubCertificates]),
    ...(config.mungeSocket === undefined ? [] : ['--munge-socket', config.mungeSocket]),
    ...keys,
  ]
  return `#!/bin/sh\nexec ${words.map(quote).join(' ')}\n`
}

/** One word for sh(1), whatever is in it. */
function quote(word: string): string {
  return /^[A-Za-z0-9_./:@=+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
