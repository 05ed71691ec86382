import { isModern, type RestVersion } from './rest-version.ts'
import { buildScriptText } from './script-text.ts'
import type { SlurmSubmission } from './slurm-client.ts'

/** What a job begins with. Anything else it needs the launcher makes. */
const environment = { PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C.UTF-8' }

/** The body of `POST job/submit`. */
export function buildRestSubmission(submission: SlurmSubmission, version: RestVersion): object {
  const { owner, command, arraySize, tasks, memoryMiB, memoryPerCpuMiB, cpusPerTask, timeLimit } = submission
  const { partition, account, qos, constraint, reservation, name, comment } = submission
  const job = {
    name,
    comment,
    ...{ partition, account, qos, reservation, tasks },
    constraints: constraint,
    cpus_per_task: cpusPerTask,
    time_limit: timeLimit,
    memory_per_node: memoryMiB,
    memory_per_cpu: memoryPerCpuMiB,
    array: arraySize > 1 ? `0-${arraySize - 1}` : undefined,
    current_working_directory: '/',
    standard_input: '/dev/null',
    standard_output: '/dev/null',
    standard_error: '/dev/null',
    ...(isModern(version) ? buildModern(submission) : buildClassic(submission)),
  }
  const own = { ...environment, USER: owner.login, LOGNAME: owner.login }
  const variables = isModern(version) ? Object.entries(own).map(([key, value]) => `${key}=${value}`) : own
  return { script: buildScriptText(command), job: { ...job, environment: variables } }
}

function buildModern(submission: SlurmSubmission): object {
  const { gres, gpusPerTask, exclusive, memoryMiB, memoryPerCpuMiB, timeLimit, nodes } = submission
  return {
    requeue: false,
    nodes: nodes === undefined ? undefined : [nodes, nodes],
    memory_per_node: memoryMiB === undefined ? undefined : { set: true, number: memoryMiB },
    memory_per_cpu: memoryPerCpuMiB === undefined ? undefined : { set: true, number: memoryPerCpuMiB },
    time_limit: timeLimit === undefined ? undefined : { set: true, number: timeLimit },
    tres_per_node: gres === undefined ? undefined : gres.replaceAll(/(^|,)/g, '$1gres/'),
    tres_per_task: gpusPerTask === undefined ? undefined : `gres/gpu:${gpusPerTask}`,
    shared: exclusive ? ['none'] : undefined,
  }
}

/** These are sbatch's options by other names. `requeue: false` would mean the contrary, and a list of nodes is lost (seen with 22.05). */
function buildClassic({ gres, gpusPerTask, exclusive, nodes }: SlurmSubmission): object {
  return {
    no_requeue: true,
    nodes: nodes === undefined ? undefined : `${nodes}-${nodes}`,
    gres,
    gpus_per_task: gpusPerTask,
    exclusive: exclusive ? 'exclusive' : undefined,
  }
}
