import type { JobKey } from '#scheduler/job.ts'

const word = 'atrium'
const keyPattern = /^[a-z0-9][a-z0-9-]{0,62}$/

/** What Slurm keeps with a job so that a control plane that knows nothing finds its jobs again. */
export function buildJobComment(instance: string, keys: readonly JobKey[]): string {
  return [word, instance, ...keys].join(' ')
}

/** The keys of an instance's jobs by their index in the array; empty for everybody else's. Owners can change comments: see `uid`. */
export function parseJobComment(instance: string, comment: string): readonly JobKey[] {
  const [first, second, ...keys] = comment.split(' ')
  return first === word && second === instance && keys.every((key) => keyPattern.test(key)) ? keys : []
}
