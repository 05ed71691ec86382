import type { SlurmJob } from '#scheduler/drivers/slurm/slurm-client.ts'

/** A running job of alice's, but for the changes. */
export function buildSlurmJob(changes: Partial<SlurmJob> = {}): SlurmJob {
  return {
    ref: '17',
    name: 'atrium-server',
    comment: '',
    uid: 2001,
    gid: 2001,
    login: 'alice',
    states: ['RUNNING'],
    reason: 'None',
    partition: 'main',
    nodeCount: 1,
    priority: 1,
    restarts: 0,
    tres: '',
    ...changes,
  }
}
