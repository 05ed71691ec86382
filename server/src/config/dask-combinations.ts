import type { Conflict } from './combinations.ts'
import type { Config } from './schema.ts'

/** What the schema cannot say of Dask clusters: a worker can only be by default what the driver can give. */
export function checkDask({ dask: { worker }, scheduler }: Config): readonly Conflict[] {
  if (scheduler.driver !== 'local') return []
  const at = (key: string, message: string): Conflict => ({ path: ['dask', 'worker', key], message })
  return [
    ...(worker.gpus > 0 ? [at('gpus', 'the scheduler driver "local" gives no GPUs to jobs')] : []),
    ...(worker.preemptible
      ? [
          at(
            'preemptible',
            'the scheduler driver "local" cannot do this: it needs a batch system such as Slurm',
          ),
        ]
      : []),
  ]
}
