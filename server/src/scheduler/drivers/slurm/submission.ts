import type { JobKey, JobResources, JobSpec, QueueOptions } from '#scheduler/job.ts'
import { buildJobComment } from './job-comment.ts'
import { buildLauncherCommand } from './launcher-command.ts'
import type { SlurmSubmission } from './slurm-client.ts'
import type { SlurmSchedulerConfig } from './slurm-config.ts'

const mebibyte = 2 ** 20
const minuteMs = 60_000
/** Keys of an array stand in its comment, which slurmctld refuses when it is longer (seen with 22.05). */
const longestComment = 1024

/** Jobs that are submitted together. */
export interface SubmissionGroup {
  /** In the order of the array. */
  keys: readonly JobKey[]
  submission: SlurmSubmission
}

/** As few submissions as possible: jobs of one owner that ask for the same are one array. */
export function buildSubmissions(
  config: SlurmSchedulerConfig,
  specs: readonly JobSpec[],
): readonly SubmissionGroup[] {
  const groups = new Map<string, JobSpec[]>()
  for (const spec of specs) {
    const likeness = JSON.stringify(buildRequest(config, spec))
    const group = groups.get(likeness)
    if (group === undefined) groups.set(likeness, [spec])
    else group.push(spec)
  }
  return [...groups.values()].flatMap((group) => splitGroup(config, group))
}

function splitGroup(config: SlurmSchedulerConfig, specs: readonly JobSpec[]): SubmissionGroup[] {
  const [first] = specs
  if (first === undefined) return []
  const part = specs.slice(0, countFitting(config.instance, specs))
  const keys = part.map(({ key }) => key)
  const submission: SlurmSubmission = {
    ...buildRequest(config, first),
    comment: buildJobComment(config.instance, keys),
    command: buildLauncherCommand(config, keys),
    arraySize: keys.length,
  }
  return [{ keys, submission }, ...splitGroup(config, specs.slice(part.length))]
}

/** How many of the first keys a comment can name; one at least. */
function countFitting(instance: string, specs: readonly JobSpec[]): number {
  let length = buildJobComment(instance, []).length
  const past = specs.findIndex(({ key }) => {
    length += 1 + key.length
    return length > longestComment
  })
  return past === -1 ? specs.length : Math.max(1, past)
}

type Request = Omit<SlurmSubmission, 'comment' | 'command' | 'arraySize'>

function buildRequest(config: SlurmSchedulerConfig, spec: JobSpec): Request {
  const { owner, resources, tasks, nodes, timeLimitMs } = spec
  const queue = { ...config.defaults, ...spec.queue }
  const partition = spec.queue?.partition ?? spec.nodePool ?? config.defaults.partition
  return {
    owner: { login: owner.login, uid: owner.uid ?? -1, gid: owner.gid ?? -1 },
    name: `atrium-${spec.kind}`,
    tasks,
    exclusive: resources.exclusive ?? false,
    ...(nodes === undefined ? {} : { nodes }),
    ...buildAmounts(resources, tasks, queue),
    ...(timeLimitMs === undefined ? {} : { timeLimit: Math.ceil(timeLimitMs / minuteMs) }),
    ...(partition === undefined ? {} : { partition }),
    ...pick(queue, ['account', 'qos', 'constraint', 'reservation']),
  }
}

type Amounts = 'cpusPerTask' | 'memoryMiB' | 'memoryPerCpuMiB' | 'gpusPerTask' | 'gres'

/** Of one task on each node that it is on; of several, by task, as nobody knows how they are spread over nodes. */
function buildAmounts(
  { cpu, memoryBytes, gpu = 0 }: JobResources,
  tasks: number,
  { gpuType, gres }: QueueOptions,
): Partial<Pick<SlurmSubmission, Amounts>> {
  // Whole cores: Slurm knows no parts of them.
  const cores = Math.max(1, Math.ceil(cpu ?? 1))
  const memoryMiB = memoryBytes === undefined ? undefined : Math.ceil(memoryBytes / mebibyte)
  const gpus = [...(gpuType === undefined ? [] : [gpuType]), gpu].join(':')
  const onNodes = [...(gpu > 0 && tasks === 1 ? [`gpu:${gpus}`] : []), ...(gres === undefined ? [] : [gres])]
  return {
    ...(cpu === undefined ? {} : { cpusPerTask: cores }),
    ...(memoryMiB === undefined
      ? {}
      : tasks === 1
        ? { memoryMiB }
        : { memoryPerCpuMiB: Math.ceil(memoryMiB / cores) }),
    ...(gpu > 0 && tasks > 1 ? { gpusPerTask: gpus } : {}),
    ...(onNodes.length === 0 ? {} : { gres: onNodes.join(',') }),
  }
}

function pick<T extends object, K extends keyof T>(from: T, names: readonly K[]): Partial<Pick<T, K>> {
  const picked: Partial<Pick<T, K>> = {}
  for (const name of names) if (from[name] !== undefined) picked[name] = from[name]
  return picked
}
